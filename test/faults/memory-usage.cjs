/*
 * Loaded into the program by `node --expose-gc --require`: on SIGUSR2 it collects its garbage, twice, so that what
 * finalizers let go of goes as well, and writes to the file MEMORY_USAGE what process.memoryUsage() says then.
 */
const { renameSync, writeFileSync } = require('node:fs');
const { setTimeout: delay } = require('node:timers/promises');

process.on('SIGUSR2', async () => {
  globalThis.gc();
  await delay(50);
  globalThis.gc();
  const file = process.env.MEMORY_USAGE;
  writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()));
  renameSync(`${file}.new`, file);
});

import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '../../src/metrics/log.ts';

/*
 * A program that logs to its standard output and says on standard error how that went: started by log-faults.test.ts.
 * Usage: node log-program.ts LINES FLUSH_MS
 */
const lines = Number(process.argv[2]);
const flushMs = Number(process.argv[3]);

const log = createLog({ level: 'info', limitBytes: 256 * 1024 });
for (let number = 0; number < lines; number += 1) {
  log.logger.info({ number, padding: 'x'.repeat(100) }, 'line');
  if (number % 1000 === 0) await sleep(1);
}
writeSync(2, `${JSON.stringify({ event: 'logged', dropped: log.dropped })}\n`);
const flushed = await log.close(flushMs);
writeSync(2, `${JSON.stringify({ event: 'closed', flushed, dropped: log.dropped })}\n`);
process.exit(7);

// Preloaded by a test: says on standard error what threads answer, or that they have failed.
const { Worker } = require('node:worker_threads');

const { emit } = Worker.prototype;
Worker.prototype.emit = function (event, ...words) {
  if (event === 'message' || event === 'error') process.stderr.write(`thread: ${event}\n`);
  return emit.call(this, event, ...words);
};

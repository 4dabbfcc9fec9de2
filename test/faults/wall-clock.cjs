/*
 * Loaded into the program by `node --require`: its wall clock jumps by as many milliseconds as the file WALL_CLOCK says,
 * whenever that changes. The monotonic clock and timers stay what they are, as when somebody sets a host's clock.
 */
const { readFileSync } = require('node:fs');

const RealDate = Date;

function jumpMs() {
  try {
    return Number(readFileSync(process.env.WALL_CLOCK, 'utf8'));
  } catch {
    return 0;
  }
}

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + jumpMs());
    else super(...args);
  }

  static now() {
    return RealDate.now() + jumpMs();
  }
};

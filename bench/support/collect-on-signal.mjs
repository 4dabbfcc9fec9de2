/** `node --expose-gc --import collect-on-signal.mjs …`: SIGPWR has all garbage collected and its memory given back. */
process.on('SIGPWR', () => globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' }));

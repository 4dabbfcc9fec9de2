import { runIfProgram } from './own-files.ts';

// The main script of the executable: it is what sluice starts, too, as no Node.js may be there.
if (!runIfProgram()) void import('../../src/main.ts');

/** Prints the rows of pick.ts as JSON: the bench may itself run on an older Node than the one to be measured. */
import { pickRows } from '../pick.ts';

process.stdout.write(`${JSON.stringify(pickRows())}\n`);

/** Prints `{rows, nativePolicyNs}` as JSON: the bench may itself run on an older Node than the one to be measured. */
import { nativePolicyNs } from '../native-policy.ts';
import { pickRows } from '../pick.ts';

process.stdout.write(`${JSON.stringify({ rows: pickRows(), nativePolicyNs: await nativePolicyNs() })}\n`);

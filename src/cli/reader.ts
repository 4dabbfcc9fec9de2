import { errorCode } from '../base/errors.ts';

/** `sluice check FILE | head -1`: ends as by SIGPIPE (128 + 13), which Node.js ignores. */
export function endWithReader(): void {
  process.stdout.on('error', (error) => {
    if (errorCode(error) !== 'EPIPE') throw error;
    process.exit(141);
  });
}

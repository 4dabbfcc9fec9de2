import { lstatSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { errorCode } from '../base/errors.ts';

/**
 * Takes away the socket file of a program that did not end in order: nobody answers behind it, and bind(2) would say
 * EADDRINUSE for ever. A file that is no socket, or behind which somebody listens, stays.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  // connect(2) says ECONNREFUSED of a file that is no socket, too.
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const code = await new Promise<string>((resolve) => {
    const socket = connect(path);
    socket.once('error', (error) => resolve(errorCode(error)));
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
  });
  if (code === 'ECONNREFUSED') await unlink(path);
}

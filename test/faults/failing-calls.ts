import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { type Program, startProgram } from '../support/program.ts';
import { buildPreload } from './preload.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-system-calls-'));
after(() => rmSync(folder, { recursive: true }));
const preload = buildPreload('system-calls', folder);
export const skip = preload === undefined ? 'needs a C compiler (cc)' : false;

export interface Failure {
  readonly call:
    | 'send'
    | 'recv'
    | 'sendmsg'
    | 'recvmmsg'
    | 'splice'
    | 'accept4'
    | 'socket'
    | 'epoll_ctl'
    | 'io_uring_enter';
  readonly code: string;
  readonly errno: number;
  /** 1: each call, 2: every other one. */
  readonly every: number;
}

export interface Failing {
  readonly program: Program;
  /** From here on calls fail, or do not any more. */
  readonly fail: () => void;
  readonly mend: () => void;
  /** How many calls have failed since `fail`. */
  readonly failures: () => number;
}

/** A program whose system calls can be made to fail, by `system-calls.c`. */
export async function failingProgram(t: TestContext, failure: Failure, config: string): Promise<Failing> {
  const file = join(folder, `${failure.call}-${failure.code}-${failure.every}`);
  const env = {
    LD_PRELOAD: preload ?? '',
    FAIL_WHILE: file,
    FAIL_CALL: failure.call,
    FAIL_ERRNO: String(failure.errno),
    FAIL_EVERY: String(failure.every),
  };
  const program = await startProgram(t, { config, env });
  return {
    program,
    fail: () => writeFileSync(file, ''),
    mend: () => rmSync(file),
    failures: () => statSync(file).size,
  };
}

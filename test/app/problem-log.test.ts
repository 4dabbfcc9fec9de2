import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemLog } from '../../src/app/problem-log.ts';
import type { Problem } from '../../src/base/errors.ts';
import { recordingLogger } from '../support/log-lines.ts';

const one: Problem = {
  code: 'CONFIG_TYPE',
  message: 'expected a map',
  path: 'tcp',
  position: { file: 'sluice.yaml', line: 3, column: 1 },
};
const other: Problem = { code: 'FILE_EMPTY', message: 'the file is empty' };

test('a problem is an error once, with file, line, column and cause', () => {
  const { logger, lines } = recordingLogger();
  const log = new ProblemLog(logger);
  log.update([one]);
  log.update([one]);
  const msg = 'sluice.yaml:3:1: tcp: expected a map [CONFIG_TYPE]';
  assert.deepEqual(lines, [
    { level: 'error', code: 'CONFIG_TYPE', path: 'tcp', file: 'sluice.yaml', line: 3, column: 1, msg },
  ]);
});

test('a problem that is gone is told once, and an error again when it is back', () => {
  const { logger, lines } = recordingLogger();
  const log = new ProblemLog(logger);
  for (const problems of [[one, other], [other], [other], [one, other]]) log.update(problems);
  assert.deepEqual(
    lines.map(({ level, code }) => `${level} ${code}`),
    ['error CONFIG_TYPE', 'error FILE_EMPTY', 'info CONFIG_TYPE', 'error CONFIG_TYPE'],
  );
  assert.match(String(lines[2]?.msg), /^solved: sluice\.yaml:3:1/);
});

test('nothing wrong, nothing said', () => {
  const { logger, lines } = recordingLogger();
  new ProblemLog(logger).update([]);
  assert.deepEqual(lines, []);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode, formatProblem, type Problem, UserError } from '../../src/base/errors.ts';

const position = { file: 'sluice.yaml', line: 3, column: 5 };

const formats: Record<string, { problem: Problem; text: string }> = {
  'all parts': {
    problem: { code: 'C', message: 'it is wrong', path: 'services[0]', position },
    text: 'sluice.yaml:3:5: services[0]: it is wrong [C]',
  },
  'without a path': {
    problem: { code: 'C', message: 'it is wrong', position },
    text: 'sluice.yaml:3:5: it is wrong [C]',
  },
  'with the path of the whole document': {
    problem: { code: 'C', message: 'it is wrong', path: '', position },
    text: 'sluice.yaml:3:5: it is wrong [C]',
  },
  'without a position': {
    problem: { code: 'C', message: 'it is wrong', path: 'tcp' },
    text: 'tcp: it is wrong [C]',
  },
};

for (const [name, { problem, text }] of Object.entries(formats)) {
  test(`a problem as text: ${name}`, () => assert.equal(formatProblem(problem), text));
}

test('a user error carries its problems and says each on a line', () => {
  const problems: Problem[] = [
    { code: 'ONE', message: 'first' },
    { code: 'TWO', message: 'second' },
  ];
  const error = new UserError(problems);
  assert.equal(error.name, 'UserError');
  assert.equal(error.message, 'first [ONE]\nsecond [TWO]');
  assert.deepEqual(error.problems, problems);
});

const codes: Record<string, { error: unknown; code: string }> = {
  'a system error': { error: Object.assign(new Error('x'), { code: 'EMFILE' }), code: 'EMFILE' },
  'an error without a code': { error: new Error('x'), code: 'UNKNOWN' },
  'a code that is a number': { error: { code: 5 }, code: 'UNKNOWN' },
  nothing: { error: null, code: 'UNKNOWN' },
  'a text': { error: 'EMFILE', code: 'UNKNOWN' },
};

for (const [name, { error, code }] of Object.entries(codes)) {
  test(`the code of ${name}`, () => assert.equal(errorCode(error), code));
}

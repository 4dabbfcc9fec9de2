import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { policyOf } from '../../bench/support/priority.ts';

const linux = process.platform === 'linux' ? {} : { skip: 'needs Linux: reads /proc' };

describe('policyOf', () => {
  const stat = (name: string, policy: number) =>
    `1 (${name}) S ${Array.from({ length: 37 }, () => 7).join(' ')} ${policy} 0`;
  it('takes the 41st field', () => assert.equal(policyOf(stat('node', 2)), 2));
  it('whatever the process is called', () => assert.equal(policyOf(stat('a) b (c', 1)), 1));
  it('of this process is normal', linux, () => assert.equal(policyOf(readFileSync('/proc/self/stat', 'utf8')), 0));
});

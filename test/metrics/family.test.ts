import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Family, labelText } from '../../src/metrics/family.ts';
import { parsePrometheus, samplesOf } from '../support/prometheus-text.ts';

const name = 'sluice_test';

test('whatever a label says is read back as it was', () => {
  const value = fc.oneof(fc.string(), fc.stringMatching(/^[\\"\n{},= a]*$/));
  fc.assert(
    fc.property(fc.record({ a: value, b: value }, { noNullPrototype: true }), (labels) => {
      const family = new Family(name, 'gauge', 'Help.');
      family.add(1, labelText(labels));
      assert.deepEqual(samplesOf(parsePrometheus(family.render()), name), [{ name, labels, value: 1 }]);
    }),
  );
});

test('whatever a value is, it is read back as it was', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const family = new Family(name, 'gauge', 'Help.');
      family.add(value);
      // Plus zero: the format has no other.
      assert.equal(samplesOf(parsePrometheus(family.render()), name)[0]?.value, value + 0);
    }),
  );
});

const rows: [value: number, text: string][] = [
  [Number.POSITIVE_INFINITY, '+Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
  [Number.NaN, 'NaN'],
  [1e21, '1e+21'],
  [0, '0'],
];
for (const [value, text] of rows) {
  test(`${value} is written ${text}`, () => {
    const family = new Family(name, 'gauge', 'Help.');
    family.add(value);
    assert.equal(family.render(), `# HELP ${name} Help.\n# TYPE ${name} gauge\n${name} ${text}\n`);
  });
}

test('the parts of a histogram have their names', () => {
  const family = new Family(name, 'histogram', 'Help.');
  family.add(1, 'le="+Inf"', '_bucket');
  family.add(2, '', '_sum');
  assert.deepEqual(family.render().split('\n').slice(2, 4), [`${name}_bucket{le="+Inf"} 1`, `${name}_sum 2`]);
});

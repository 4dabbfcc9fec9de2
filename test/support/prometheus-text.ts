import assert from 'node:assert/strict';

export interface PrometheusSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: PrometheusSample[];
}

const sampleLine = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/s;
const labelPart = /(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>(?:[^"\\\n]|\\["\\n])*)"(?<next>,|$)/y;

/**
 * Reads the Prometheus text format strictly: HELP and TYPE before the samples of each family, every family once, no
 * line twice, only the known escapes, counters finite and not negative, `_total` where it belongs.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parsePrometheus(text: string): Map<string, PrometheusFamily> {
  assert.ok(text.endsWith('\n'), 'the last line ends');
  const families = new Map<string, PrometheusFamily>();
  const seen = new Set<string>();
  let help: { name: string; text: string } | undefined;
  let family: PrometheusFamily | undefined;
  for (const line of text.split('\n').filter((line) => line !== '')) {
    if (line.startsWith('# HELP ')) {
      const [, name = '', words = ''] = /^# HELP (\S+) (.*)$/.exec(line) ?? [];
      help = { name, text: words };
    } else if (line.startsWith('# TYPE ')) {
      family = readType(line, help);
      assert.ok(!families.has(family.name), `${family.name} is there twice`);
      families.set(family.name, family);
    } else {
      assert.ok(family !== undefined, `no TYPE before: ${line}`);
      family.samples.push(readSample(line, family, seen));
    }
  }
  return families;
}

function readType(line: string, help: { name: string; text: string } | undefined): PrometheusFamily {
  const [, name = '', type = ''] = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? [];
  assert.equal(help?.name, name, `HELP and TYPE belong together: ${line}`);
  assert.ok(help?.text, `no help for ${name}`);
  return { name, type, help: help.text, samples: [] };
}

function readSample(line: string, family: PrometheusFamily, seen: Set<string>): PrometheusSample {
  const groups = sampleLine.exec(line)?.groups;
  assert.ok(groups, `not a sample: ${line}`);
  const { name = '', labels: inner = '', value: digits = '' } = groups;
  const parts = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  assert.ok(parts.map((part) => family.name + part).includes(name), `${name} stands under ${family.name}`);
  const value = Number(digits.replace('Inf', 'Infinity'));
  // A gauge may have no value yet. prom-client writes `Nan`, which Go's ParseFloat, and so Prometheus, reads.
  assert.ok(!Number.isNaN(value) || /^nan$/i.test(digits), `not a number: ${line}`);
  if (family.type === 'counter') assert.ok(value >= 0 && Number.isFinite(value), `not a counter: ${line}`);
  const labels = readLabels(inner, line);
  const identity = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
  assert.ok(!seen.has(identity), `twice: ${line}`);
  seen.add(identity);
  return { name, labels, value };
}

function readLabels(inner: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  labelPart.lastIndex = 0;
  while (labelPart.lastIndex < inner.length) {
    const groups = labelPart.exec(inner)?.groups;
    assert.ok(groups, `bad labels: ${line}`);
    const { name = '', value = '' } = groups;
    assert.ok(!Object.hasOwn(labels, name), `label ${name} twice: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
  }
  return labels;
}

/** The samples of one name whose labels include `labels`. */
export function samplesOf(
  families: Map<string, PrometheusFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): PrometheusSample[] {
  const all = [...families.values()].flatMap((family) => family.samples).filter((sample) => sample.name === name);
  return all.filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value));
}

/** Their sum; 0 for none. */
export function sumOfSamples(...query: Parameters<typeof samplesOf>): number {
  return samplesOf(...query).reduce((sum, sample) => sum + sample.value, 0);
}

import { join } from 'node:path';
import type { PickRow } from '../pick.ts';
import type { Question } from '../question.ts';

const program = join(import.meta.dirname, '..', 'support', 'pick-program.ts');
const many = 5_000;

interface Result {
  readonly rows: readonly PickRow[];
  readonly nativePolicyNs?: number;
}

const nanoseconds = (ns: number) => `${ns.toFixed(0)} ns`;

function routeNs(rows: readonly PickRow[], services: number): number {
  const row = rows.find((candidate) => candidate.what === 'route' && candidate.services === services);
  if (row === undefined) throw new Error(`pick.ts has no row for ${services} services`);
  return row.nanoseconds;
}

/**
 * Who gets this flow: the decision alone, without sockets, the same for every engine, and whether it costs more when
 * there are many services; and all of a connection's JavaScript in the native engine.
 */
export const pick: Question = {
  name: 'pick',
  needs: [],
  rounds: () => 1,
  concerns: ({ engine }) => engine === 'net' || engine === 'native',
  metrics: [
    { key: 'routeNs', label: 'one decision, 5,000 services', show: nanoseconds },
    {
      key: 'growth',
      label: '  beside one service',
      show: (times) => `${times.toFixed(2)}×`,
      // 5,000 balancers are in no cache, which costs some ten nanoseconds; work that grew with them would cost thousands.
      target: { of: 'value', atMost: { net: 3 } },
    },
    { key: 'policyNs', label: 'JavaScript of one native connection', show: nanoseconds },
  ],
  proof: 'proof',
  async measure({ rig }, { subject }) {
    const { stdout } = await rig.processes.run(rig.node.path, [...rig.node.typescript, program]);
    const { rows, nativePolicyNs } = JSON.parse(stdout) as Result;
    if (subject.engine === 'native') return { policyNs: nativePolicyNs ?? 0, proof: nativePolicyNs ?? 0 };
    const routeNsOfMany = routeNs(rows, many);
    return { routeNs: routeNsOfMany, growth: routeNsOfMany / routeNs(rows, 1), proof: routeNsOfMany };
  },
};

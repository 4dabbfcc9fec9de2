import type { Policy } from '../model/settings.ts';
import { LeastConnections } from './least-connections.ts';
import { Maglev } from './maglev.ts';
import type { Picker, PickerInit } from './picker.ts';
import { PowerOfTwo } from './power-of-two.ts';
import { Random } from './random.ts';
import { roundRobin } from './round-robin.ts';

const makers: Record<Policy, (init: PickerInit) => Picker> = {
  roundRobin,
  leastConnections: (init) => new LeastConnections(init),
  powerOfTwo: (init) => new PowerOfTwo(init),
  random: (init) => new Random(init),
  maglev: (init) => new Maglev(init),
};

/** The picker of a policy over a list of targets; weights are read now, a change of them needs another picker. */
export function createPicker(policy: Policy, init: PickerInit): Picker {
  return makers[policy](init);
}

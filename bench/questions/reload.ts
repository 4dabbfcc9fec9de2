import { join } from 'node:path';
import type { Context, Metric, Question } from '../question.ts';
import { milliseconds } from '../show.ts';
import { median } from '../support/statistics.ts';

const program = join(import.meta.dirname, '..', 'support', 'reload-program.ts');
const target = { of: 'value', atMost: { net: 50 } } as const;
const changes = 10;

type Form = 'folder' | 'file';

/** Median time of one change, and the first load of all. */
async function changing(form: Form, { rig, pace }: Context): Promise<{ changeMs: number; firstMs: number }> {
  const args = [...rig.node.typescript, program, form, `${pace.services}`, `${changes}`];
  const { stdout } = await rig.processes.run(rig.node.path, args);
  const { firstMs, changesMs } = JSON.parse(stdout) as { firstMs: number; changesMs: number[] };
  return { firstMs, changeMs: median(changesMs) };
}

const row = (key: string, label: string): Metric => ({ key, label, show: milliseconds });

/**
 * From a changed file in place to the published snapshot, the watch and its debounce included, with 5,000 services of
 * ten endpoints. It needs no relay, so it is asked once and not for every engine.
 */
export const reload: Question = {
  name: 'reload',
  needs: [],
  rounds: () => 1,
  concerns: ({ engine }) => engine === 'net',
  metrics: [
    { ...row('folderMs', 'reload, one of 5,000 services, folder'), target },
    { ...row('fileMs', 'reload, one of 5,000 services, one file'), target },
    row('firstMs', '  first load of all of them'),
  ],
  async measure(context) {
    const folder = await changing('folder', context);
    const file = await changing('file', context);
    return { folderMs: folder.changeMs, fileMs: file.changeMs, firstMs: folder.firstMs };
  },
};

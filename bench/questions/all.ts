import type { Question } from '../question.ts';
import { idle } from './idle.ts';
import { kubernetes } from './kubernetes.ts';
import { latency } from './latency.ts';
import { pick } from './pick.ts';
import { reload } from './reload.ts';
import { start } from './start.ts';
import { bulk, connections, requests, udp } from './throughput.ts';
import { vips } from './vips.ts';

/** In the order of the table; `latency` uses what `requests` found out. */
export const questions: readonly Question[] = [
  requests,
  connections,
  bulk,
  udp,
  latency,
  idle,
  reload,
  kubernetes,
  pick,
  start,
  vips,
];

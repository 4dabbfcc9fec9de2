import type { Question } from '../question.ts';
import { idle } from './idle.ts';
import { kubernetes } from './kubernetes.ts';
import { connectionLatency, requestLatency, udpLatency } from './latency.ts';
import { pick } from './pick.ts';
import { reload } from './reload.ts';
import { scaling } from './scaling.ts';
import { start } from './start.ts';
import { bulk, connections, requests, udp } from './throughput.ts';
import { vips } from './vips.ts';

/** In the order of the table; each latency uses what the question of its load found out. */
export const questions: readonly Question[] = [
  requests,
  requestLatency,
  connections,
  connectionLatency,
  bulk,
  udp,
  udpLatency,
  idle,
  reload,
  kubernetes,
  pick,
  start,
  vips,
  scaling,
];

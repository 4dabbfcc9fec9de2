/**
 * `npm run bench`: one table of what sluice costs beside no proxy, HAProxy and nginx (`--help` for the options).
 * Absolute numbers depend on the machine and on what else it does; the ratios to a peer in the same rounds hold.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Asked, ask, isAsked, messageOf, type Started } from './ask.ts';
import { environmentOf } from './environment.ts';
import { type Options, parseOptions } from './options.ts';
import type { Context, Question, Sample } from './question.ts';
import { questions } from './questions/all.ts';
import { type Outcome, print, save } from './report.ts';
import { startBackends } from './subjects/backends.ts';
import { bare } from './subjects/bare.ts';
import { direct } from './subjects/direct.ts';
import { haproxy } from './subjects/haproxy.ts';
import { nginx } from './subjects/nginx.ts';
import { buildSluice, engines, sluice } from './subjects/sluice.ts';
import type { Backends, Rig, Subject } from './subjects/subject.ts';
import { otherLoad } from './support/cpu.ts';
import { buildLoad, Loads } from './support/loads.ts';
import { findNode } from './support/node-binary.ts';
import { Processes } from './support/processes.ts';
import { findTools } from './support/tools.ts';
import { warmUp } from './warm-up.ts';

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function prepare(options: Options, processes: Processes, folder: string): Promise<Rig> {
  const tools = await findTools(processes, say);
  if (tools.cc !== undefined) await buildLoad(processes, tools.cc);
  if (options.build) await buildSluice(processes).catch((error) => say(`the build failed: ${messageOf(error)}`));
  const network = 64 + (process.pid % 16);
  let last = 100;
  const freshVip = () => `127.${network}.${2 + Math.floor(last / 250)}.${1 + (last++ % 250)}`;
  const node = await findNode(options.node, processes);
  const sluiceFlags = options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`];
  return { processes, tools, node, sluiceFlags, folder, network, freshVip, say };
}

function subjectsFor(chosen: readonly Question[], options: Options, { tools }: Rig): readonly Subject[] {
  const all = [direct, ...engines.map(sluice), ...(options.bare ? [bare] : []), haproxy(tools), nginx(tools)];
  return all.filter((subject) => chosen.some((question) => isAsked(question, subject)));
}

function questionsFor({ only, smoke }: Options): readonly Question[] {
  if (only.length > 0) return questions.filter(({ name }) => only.includes(name));
  return questions.filter(({ onRequest }) => smoke || !onRequest);
}

async function startAll(subjects: readonly Subject[], rig: Rig, backends: Backends): Promise<Started[]> {
  const started: Started[] = [];
  for (const subject of subjects) started.push(await start(subject, rig, backends));
  return started;
}

async function start(subject: Subject, rig: Rig, backends: Backends): Promise<Started> {
  if (subject.skipped !== undefined) return { kind: 'skipped', subject, why: subject.skipped };
  try {
    const running = await subject.start(rig, rig.freshVip(), backends);
    return { kind: 'running', subject, column: { subject, running } };
  } catch (error) {
    return { kind: 'failed', subject, why: messageOf(error) };
  }
}

async function askAll(chosen: readonly Question[], started: readonly Started[], context: Omit<Context, 'known'>) {
  const asked = new Map<Question, Asked>();
  const known = new Map<string, ReadonlyMap<string, readonly Sample[]>>();
  for (const question of chosen) {
    say(`asking ${question.name}`);
    const result = await ask(question, started, { ...context, known });
    asked.set(question, result);
    const measured = result.answers.filter((answer) => answer.kind === 'measured');
    known.set(question.name, new Map(measured.map(({ column, samples }) => [column, samples])));
  }
  return asked;
}

async function run(options: Options, processes: Processes, folder: string): Promise<Outcome> {
  const rig = await prepare(options, processes, folder);
  const environment = await environmentOf(rig, await otherLoad(300));
  const backends = await startBackends(rig);
  const chosen = questionsFor(options);
  const subjects = subjectsFor(chosen, options, rig);
  const started = await startAll(subjects, rig, backends);
  const loads = new Loads(processes, rig.tools);
  for (const one of started)
    if (one.kind === 'running') await warmUp(one.column, loads, Math.min(0.5, options.pace.seconds / 2));
  const context = { rig, pace: options.pace, undisturbed: options.undisturbed, loads, backends };
  const asked = await askAll(chosen, started, context);
  return {
    environment,
    pace: options.pace,
    columns: subjects.map(({ name }) => name),
    asked,
  };
}

const options = parseOptions(
  process.argv.slice(2),
  questions.map(({ name }) => name),
);
const processes = new Processes();
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void processes.close().finally(() => process.exit(130)));
try {
  const outcome = await run(options, processes, folder);
  const failures = print(outcome, options);
  say(`numbers: ${await save(outcome, options.json)}`);
  if (options.smoke && failures > 0) process.exitCode = 1;
} finally {
  await processes.close();
}

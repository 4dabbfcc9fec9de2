import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ReadyResponse, ServicesResponse } from '../../src/admin/shapes.ts';
import { descriptorsBesidePipes } from './descriptors.ts';
import { type PrometheusFamily, parsePrometheus } from './prometheus-text.ts';
import { until } from './until.ts';

/** What `npm run build` makes, and `npm test` makes before it runs tests. */
export const builtProgram = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface ProgramInit {
  /** The process configuration, YAML, without `admin:`: the admin server gets a socket file of its own. */
  readonly config: string;
  /** More files beside the configuration, by their path in its folder: `{ 'manifests/web.yaml': '…' }`. */
  readonly files?: Readonly<Record<string, string>>;
  /**
   * What runs Node.js, in the same process (it must exec): `['prlimit', '--nofile=96:96']`,
   * `['ip', 'netns', 'exec', name]`. Node.js needs about 128 descriptors to load the program. The admin socket is a file and works across network namespaces.
   */
  readonly prefix?: readonly string[];
  /** What is run instead of Node.js and the built program: sluice as one executable. */
  readonly executable?: string;
  /** Options of Node.js itself. */
  readonly nodeOptions?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Resolve at once rather than when `/readyz` says 200 (`ready` or `degraded`). Default true. */
  readonly waitForReady?: boolean;
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface Exit {
  /** `null` if a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Milliseconds since the last call of `signal`, or since the start. */
  readonly afterMs: number;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Runs the built program, `dist/main.js run`, for one test, with a configuration in a folder of its own. At the end of
 * the test it is killed and the folder removed.
 */
export async function startProgram(t: TestContext, init: ProgramInit): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const program = new Program(folder, init);
  t.after(() => program.kill());
  await program.start();
  return program;
}

export class Program {
  /** Where the configuration is, as `sluice.yaml`. */
  readonly folder: string;
  readonly #init: ProgramInit;
  #child: ChildProcess | undefined;
  #exit: Promise<Exit> | undefined;
  #since = performance.now();
  #output = '';
  /** What it said on standard error: configuration problems, and nothing else if all is well. */
  errors = '';

  constructor(folder: string, init: ProgramInit) {
    this.folder = folder;
    this.#init = init;
  }

  /** See `startProgram`. */
  async start(): Promise<void> {
    const { config, files = {}, prefix = [], env = {}, waitForReady = true } = this.#init;
    for (const [path, text] of Object.entries(files)) await this.write(path, text);
    await this.configure(config);
    const words = [...prefix, ...this.#sluice, 'run', '--config', this.#configFile];
    const [command = '', ...rest] = words;
    // A test runner's own variables are none of the program's business.
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...inherited } = process.env;
    const child = spawn(command, rest, { env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.#exit = once(child, 'close').then(([code, signal]) => ({
      code,
      signal,
      afterMs: performance.now() - this.#since,
    }));
    await once(child, 'spawn');
    if (waitForReady) await this.#untilReady();
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the program does not run');
    return pid;
  }

  /**
   * Writes the configuration anew, atomically; the running program sees it by itself. `admin:` is added, and `engine:`
   * where `SLUICE_TEST_ENGINE` names one: so the same tests are run for every engine.
   */
  async configure(config: string): Promise<void> {
    const engine = process.env.SLUICE_TEST_ENGINE;
    const more = engine === undefined || /^engine:/m.test(config) ? '' : `engine: ${engine}\n`;
    await this.write('sluice.yaml', `admin: { listen: "unix:${this.#adminSocket}" }\n${config}\n${more}`);
  }

  /** The relay engine that it runs on. */
  async engine(): Promise<string | undefined> {
    const family = (await this.metrics()).get('sluice_build_info');
    return family?.samples[0]?.labels.engine;
  }

  /** Writes a file of the folder, atomically: a reader sees the old text or the new one. */
  async write(path: string, text: string): Promise<void> {
    const file = join(this.folder, path);
    await mkdir(dirname(file), { recursive: true });
    const draft = join(this.folder, `.${path.replaceAll('/', '_')}.new`);
    await writeFile(draft, text);
    await rename(draft, file);
  }

  /** GET of the admin server. */
  get(path: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.#adminSocket, path, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.on('error', reject);
      });
      asked.on('error', reject);
      asked.end();
    });
  }

  async ready(): Promise<ReadyResponse> {
    return JSON.parse((await this.get('/readyz')).body) as ReadyResponse;
  }

  async services(): Promise<ServicesResponse> {
    return JSON.parse((await this.get('/services')).body) as ServicesResponse;
  }

  /** `/metrics`, parsed strictly; see `samplesOf` and `sumOfSamples`. */
  async metrics(): Promise<Map<string, PrometheusFamily>> {
    return parsePrometheus((await this.get('/metrics')).body);
  }

  /** The log so far. Throws if a line of it is no JSON. */
  lines(): LogLine[] {
    const whole = this.#output.slice(0, this.#output.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** The first line of the log for which `which` says yes, as soon as there is one. */
  async line(which: (line: LogLine) => boolean, what: string): Promise<LogLine> {
    let found: LogLine | undefined;
    await until(() => {
      found = this.lines().find(which);
      return found !== undefined;
    }, `the log says ${what}`);
    return found as LogLine;
  }

  /** Does not wait. */
  signal(signal: NodeJS.Signals): void {
    this.#since = performance.now();
    this.#child?.kill(signal);
  }

  /** Resolves when it has ended and all that it wrote has been read. */
  exited(): Promise<Exit> {
    if (this.#exit === undefined) throw new Error('the program was not started');
    return this.#exit;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends it without asking. Safe to call when it has ended, or was never started. */
  async kill(): Promise<void> {
    if (this.isRunning) this.#child?.kill('SIGKILL');
    await this.#exit?.catch(() => {});
  }

  /** Resident memory, in bytes: VmRSS of proc(5). */
  rssBytes(): number {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? [];
    return Number(kib) * 1024;
  }

  /** How many descriptors it has open, beside pipes. */
  descriptors(): number {
    return descriptorsBesidePipes(this.pid);
  }

  /** Processor time of all its threads so far, in milliseconds: utime and stime of proc(5), in steps of 10. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  get #sluice(): readonly string[] {
    const { executable, nodeOptions = [] } = this.#init;
    return executable === undefined ? [process.execPath, ...nodeOptions, builtProgram] : [executable];
  }

  get #configFile(): string {
    return join(this.folder, 'sluice.yaml');
  }

  get #adminSocket(): string {
    return join(this.folder, 'admin.sock');
  }

  async #untilReady(): Promise<void> {
    let status = 0;
    await until(async () => {
      status = (await this.get('/readyz').catch(() => ({ status: 0 }))).status;
      return status === 200 || !this.isRunning;
    }, `the program is ready:\n${this.#output}${this.errors}`);
    if (status !== 200) throw new Error(`the program ended before it was ready:\n${this.#output}${this.errors}`);
  }
}

import { getSystemErrorName } from 'node:util';
import { Command, Option } from 'commander';
import { formatProblem } from '../base/errors.ts';
import { type LoadResult, loadConfig, type ProcessConfig, parseConfig } from '../config/load.ts';
import { familyOf } from '../model/address.ts';
import { type Addon, ioUring, loadAddon } from '../relay/native/addon.ts';
import { type RunCommand, runCommand } from '../vip/command.ts';
import { gatherFacts, type ReadText, readText } from '../vip/facts.ts';
import type { Asked, Diagnosis, Finding } from '../vip/finding.ts';
import { diagnose } from '../vip/findings.ts';
import { formatTable } from './text-table.ts';

export interface DoctorInit {
  readonly run: RunCommand;
  readonly read: ReadText;
}

interface DoctorOptions {
  readonly config?: string;
  readonly output: 'table' | 'json';
}

/** `sluice doctor`: exit code 1 only if the configuration that is given cannot work on this host, or is wrong itself. */
export function doctorCommand({ run, read }: DoctorInit = { run: runCommand, read: readText }): Command {
  return new Command('doctor')
    .description('say what this host allows, which vip.mode suits it, and what to do about the rest')
    .option('-c, --config <file>', 'judge by what this configuration asks for')
    .addOption(new Option('-o, --output <form>').choices(['table', 'json']).default('table'))
    .action(async ({ config: file, output }: DoctorOptions) => {
      const loaded = await load(file);
      if (loaded.kind === 'invalid') {
        for (const problem of loaded.problems) process.stderr.write(`${formatProblem(problem)}\n`);
        process.exitCode = 1;
        return;
      }
      const diagnosis = diagnose(await gatherFacts(run, read), askedBy(loaded.config));
      process.stdout.write(output === 'json' ? json(diagnosis) : table(diagnosis, loaded.config));
      const isUnusable = diagnosis.findings.some(({ verdict }) => verdict === 'unusable');
      process.exitCode = file !== undefined && isUnusable ? 1 : 0;
    });
}

async function load(file: string | undefined): Promise<LoadResult> {
  return file === undefined ? parseConfig('{}', 'the defaults') : loadConfig(file);
}

/** With `redirect` only the relay's own ports are listened on, and those are high. */
function askedBy({ vip: { mode }, inline, udp, tcp, engine, nativeOnly }: ProcessConfig): Asked {
  const addon = loadAddon();
  const vips = inline.services.flatMap((service) => service.vips);
  const ports = inline.services.flatMap((service) => service.ports.map(({ port }) => port));
  return {
    mode,
    lowestPort: mode === 'redirect' || ports.length === 0 ? undefined : Math.min(...ports),
    families: new Set(vips.map(familyOf)),
    receiveBufferBytes: udp.receiveBufferBytes,
    sendBufferBytes: udp.sendBufferBytes,
    backlog: tcp.backlog,
    nativeOnly,
    engine,
    addonMissing: addon.kind === 'absent' ? addon.why : undefined,
    ioUringRefused: addon.kind === 'loaded' ? refusalOf(addon.addon) : undefined,
  };
}

function refusalOf(addon: Addon): string | undefined {
  const errno = addon.refusal(ioUring);
  return errno === 0 ? undefined : getSystemErrorName(-errno);
}

function json(diagnosis: Diagnosis): string {
  return `${JSON.stringify(diagnosis, undefined, 2)}\n`;
}

const header = ['CHECK', 'VALUE', 'VERDICT', 'WHAT IT MEANS, AND WHAT CHANGES IT'];

function table({ findings, suggestion }: Diagnosis, { vip: { mode } }: ProcessConfig): string {
  const last = `\nvip.mode is ${mode}; where VIPs are not addresses of this host already, ${suggestion} suits it\n`;
  return `${formatTable(header, findings.map(row))}${last}`;
}

function row({ check, value, verdict, note, fix }: Finding): readonly string[] {
  const shownFix = verdict === 'ok' ? undefined : fix;
  return [check, value, verdict, [note, shownFix].filter((text) => text !== undefined).join(': ')];
}

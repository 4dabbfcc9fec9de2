import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ourReports } from './reports.ts';

export type Sanitizer = 'address' | 'thread';

const compiler = process.env.CXX ?? 'g++';
/** As in `binding.gyp`. */
export const flagsOf: Readonly<Record<Sanitizer, readonly string[]>> = {
  address: ['-fsanitize=address,undefined', '-static-libubsan', '-Wl,--exclude-libs,libubsan.a'],
  thread: ['-fsanitize=thread'],
};

/**
 * What makes Node.js run with the sanitizer's runtime library, which must be there before all others. Reports go to
 * files of `folder`: what a program under test says must not change, nor its exit code. A fault that AddressSanitizer
 * finds ends the process with SIGABRT all the same.
 */
export function environmentOf(sanitizer: Sanitizer, folder: string): Record<string, string> {
  const common = `log_path=${join(folder, 'report')}:exitcode=0`;
  if (sanitizer === 'thread')
    return { LD_PRELOAD: library('libtsan.so'), TSAN_OPTIONS: `${common}:second_deadlock_stack=1` };
  return {
    LD_PRELOAD: library('libasan.so'),
    // Node.js leaks thousands of things at its exit: short stacks are told sooner.
    ASAN_OPTIONS: `${common}:abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:malloc_context_size=10`,
    UBSAN_OPTIONS: `${common}:halt_on_error=1:abort_on_error=1:print_stacktrace=1`,
  };
}

/** All reports of faults that are ours. */
export function reportsIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => ourReports(readFileSync(join(folder, name), 'utf8')));
}

/** `report` with function and line for each frame of `addon` that has none: ThreadSanitizer knows only what was loaded first. */
export function symbolized(report: string, addon: string): string {
  return report.replaceAll(/<null> <null> \(sluice-\w+\.node\+(0x[0-9a-f]+)\)/g, (_, offset: string) =>
    execFileSync('addr2line', ['-Cfpse', addon, offset], { encoding: 'utf8' }).trim(),
  );
}

export function compile(sanitizer: Sanitizer, source: string, to: string): void {
  execFileSync(compiler, [
    '-std=c++20',
    '-O1',
    '-g',
    '-fPIC',
    '-shared',
    '-Wl,-z,nodelete',
    ...flagsOf[sanitizer],
    '-o',
    to,
    source,
  ]);
}

function library(name: string): string {
  return execFileSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
}

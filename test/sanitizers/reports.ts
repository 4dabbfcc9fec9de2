/** How the folders begin into which sanitizers write. */
export const reportsFolder = 'sluice-reports-';

/** Frames of our code: by namespace, by file (node-gyp compiles in a folder below), or by library if nothing else is known. */
const ours = /\b(?:sluice|fuzz)::| \.\.\/\w+\.(?:cc|h):|^\.\.\/\w+\.(?:cc|h):|sluice-(?:address|thread)\.node|canary/m;
/** Frames that say nothing about who calls: the sanitizer's own, and the libraries that are part of every program. */
const neutral = /libsanitizer\/|lib(?:asan|tsan|stdc\+\+|c)\.so|\/include\/c\+\+\//;
const ruler = /^={10,}$/m;
const leak = /^(?:Direct|Indirect) leak of /m;
const access = /^ *(?:previous )?(?:atomic )?(?:read|write) of size /im;

/**
 * The faults in the log of an AddressSanitizer, LeakSanitizer, UndefinedBehaviorSanitizer or ThreadSanitizer that are
 * ours. Node.js has races that are none (it is not instrumented, so that what orders them is not seen) and does not give
 * back its memory when it exits. A leak is of who allocates, a race of both who touch the memory, the rest of all on the stack.
 */
export function ourReports(log: string): string[] {
  return log.split(ruler).flatMap((report) => {
    const parts = report.split(/\n *\n/);
    if (leak.test(report)) return parts.filter((part) => leak.test(part) && isBehind(part));
    if (/data race/.test(report))
      return parts.some((part) => access.test(part) && isBehind(part)) ? [report.trim()] : [];
    return ours.test(report) ? [report.trim()] : [];
  });
}

/** Whether the first frame of `stack` that says something is ours. */
function isBehind(stack: string): boolean {
  const frame = stack.split('\n').find((line) => /^ +#\d+ /.test(line) && !neutral.test(line));
  return frame !== undefined && ours.test(frame);
}

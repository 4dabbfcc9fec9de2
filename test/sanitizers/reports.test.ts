import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openFiles } from '../support/descriptors.ts';
import { ourReports, reportsFolder } from './reports.ts';

const raceOf = (first: string, second: string) => `==================
WARNING: ThreadSanitizer: data race (pid=1)
  Write of size 8 at 0x7b440002a2b0 by thread T18:
    #0 memmove ../../../../src/libsanitizer/sanitizer_common/sanitizer_common_interceptors.inc:810 (libtsan.so+0x5dc76)
    #1 ${first}
    #2 <null> <null> (sluice-thread.node+0xf9d6)

  Previous read of size 8 at 0x7b440002a2b0 by main thread (mutexes: write M1):
    #0 ${second}
    #1 uv__io_poll ../deps/uv/src/unix/linux.c:1485 (node+0x18c05fa)

  Location is heap block of size 280 at 0x7b440002a1c0 allocated by main thread:
    #0 operator new(unsigned long) ../../../../src/libsanitizer/tsan/tsan_new_delete.cpp:64 (libtsan.so+0x87323)
    #1 <null> <null> (sluice-thread.node+0xc3a6)

SUMMARY: ThreadSanitizer: data race
==================
`;
const leakOf = (first: string) => `
=================================================================
==7==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 3240 byte(s) in 81 object(s) allocated from:
    #0 0x7fc414cb94c8 in operator new(unsigned long) ../../../../src/libsanitizer/asan/asan_new_delete.cpp:95
    #1 0x7fc414cb94c9 in std::make_unique<int>() /usr/include/c++/12/bits/unique_ptr.h:1065
    #2 0xc50413 in ${first}
    #3 0x7fbc4c142205 in create ../addon.cc:111

SUMMARY: AddressSanitizer: 3240 byte(s) leaked in 81 allocation(s).
`;
const node = 'napi_create_external (/usr/bin/node+0xc50413)';
const oursThere = 'sluice::Engine::Engine() ../engine.cc:20';

describe('which reports of sanitizers are ours', () => {
  const rows: readonly (readonly [name: string, log: string, count: number])[] = [
    ['an empty log', '', 0],
    ['a race of ours with Node.js', raceOf('<null> <null> (sluice-thread.node+0xf772)', node), 1],
    ['a race of Node.js with us', raceOf(node, '<null> <null> (sluice-thread.node+0xf772)'), 1],
    ['a race within Node.js, called by us, in memory of ours', raceOf(node, node), 0],
    ['two races', raceOf(node, oursThere) + raceOf(oursThere, oursThere), 2],
    ['a leak of ours', leakOf(oursThere), 1],
    ['a leak of Node.js, called by us', leakOf(node), 0],
    [
      'undefined behaviour',
      '../slots.h:17:15: runtime error: signed integer overflow\n    #0 0x1 in add (/usr/bin/node)',
      1,
    ],
    ['a leak of ours in a function without a namespace', leakOf('create ../addon.cc:20'), 1],
    ['a leak of libuv', leakOf('uv__strdup ../deps/uv/src/uv-common.c:55'), 0],
    ['a use after free', `=====\n==1==ERROR: AddressSanitizer: heap-use-after-free\n    #0 0x1 in ${oursThere}\n`, 1],
  ];
  for (const [name, log, count] of rows) {
    test(name, () => assert.equal(ourReports(log).length, count));
  }
});

test('the file of a report is not among the descriptors of a process, others are', (t) => {
  const files = [reportsFolder, 'sluice-others-'].map((name) => {
    const folder = mkdtempSync(join(tmpdir(), name));
    const file = join(folder, 'report.1');
    const descriptor = openSync(file, 'w');
    t.after(() => {
      closeSync(descriptor);
      rmSync(folder, { recursive: true });
    });
    return file;
  });
  const open = openFiles('self');
  assert.deepEqual(
    files.map((file) => open.includes(file)),
    [false, true],
  );
});

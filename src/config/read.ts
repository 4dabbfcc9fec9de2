import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import type { Problem } from '../base/errors.ts';
import { errorCode } from '../base/errors.ts';

/** No file that is larger is read: far above 5,000 services × 10 endpoints (9 MB), far below what memory holds. */
const maxFileBytes = 64 * 1024 ** 2;

export type ReadResult =
  | { readonly kind: 'ok'; readonly bytes: Buffer }
  | { readonly kind: 'invalid'; readonly problem: Problem };

const unreadable: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  EACCES: 'the file may not be read by this user',
  ELOOP: 'the file is a symbolic link to itself',
};

function invalid(file: string, code: string, message: string): ReadResult {
  return { kind: 'invalid', problem: { code, message, position: { file, line: 1, column: 1 } } };
}

/**
 * The bytes of a regular file that are text in UTF-8, without its byte order mark. Never throws: whatever is wrong with
 * the file is a problem. An empty file is one too, as it is what a writer leaves between truncating and writing.
 */
export async function readDocumentFile(file: string, maxBytes = maxFileBytes): Promise<ReadResult> {
  try {
    // A pipe or a device could block for ever when it is opened, so the kind comes first.
    const info = await stat(file);
    if (info.isDirectory()) return invalid(file, 'FILE_UNREADABLE', 'this is a directory; name a file');
    if (!info.isFile()) return invalid(file, 'FILE_UNREADABLE', 'this is not a regular file');
    if (info.size > maxBytes) return tooLarge(file, info.size, maxBytes);
    return checkText(file, await readFile(file));
  } catch (error) {
    const code = errorCode(error);
    return invalid(file, 'FILE_UNREADABLE', unreadable[code] ?? `the file cannot be read (${code})`);
  }
}

function tooLarge(file: string, size: number, maxBytes: number): ReadResult {
  return invalid(file, 'FILE_TOO_LARGE', `the file has ${size} bytes and at most ${maxBytes} are read; split it`);
}

function checkText(file: string, bytes: Buffer): ReadResult {
  if (!isUtf8(bytes)) return invalid(file, 'FILE_ENCODING', 'the file is not UTF-8 text; save it as UTF-8');
  const nul = bytes.indexOf(0);
  if (nul >= 0) return invalid(file, 'FILE_ENCODING', `the file has a NUL byte at offset ${nul}; it is not text`);
  const text = bytes.subarray(0, 3).toString('hex') === 'efbbbf' ? bytes.subarray(3) : bytes;
  const blank = text.length < 1024 && text.toString('utf8').trim() === '';
  return blank ? invalid(file, 'FILE_EMPTY', 'the file is empty') : { kind: 'ok', bytes: text };
}

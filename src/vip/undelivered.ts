import { endianness } from 'node:os';
import type { AddressPort } from '../model/address.ts';
import { bytesOfIp } from '../model/address-bytes.ts';

/** FIN_WAIT1, LAST_ACK and CLOSING (`tcp_states.h`): ended, but the peer has not confirmed that it has all of it. */
const endingStates: ReadonlySet<string> = new Set(['04', '09', '0B']);

/** The columns `local_address`, `st`, and how many retransmissions (`retrnsmt`) and probes (`timeout`) nothing has answered. */
const row = /^ *\d+: (\S+) \S+ (\S\S) \S+ \S+ (\S+) +\d+ +(\d+) /gm;

/**
 * A peer that has left so many retransmissions or probes of its window unanswered in a row is gone. The kernel waits twice as
 * long for each: the last one is 6 s after the first on a near network, later on a far one. It itself gives up after minutes.
 */
const mostUnanswered = 5;

/**
 * How many connections of `places` the kernel has yet to bring to their end, as `/proc/net/tcp` and `tcp6` have it (proc(5)):
 * their program has done with them, but their clients do not have all that was sent. Those who read slowly may lack
 * megabytes, and answer all the same. A client that is gone without a word is not waited for.
 */
export function undelivered(tables: readonly string[], places: Iterable<AddressPort>): number {
  const locals = new Set(Array.from(places, localOf));
  let count = 0;
  for (const [, local = '', state = '', retransmits = '', probes = ''] of tables.join('\n').matchAll(row)) {
    const unanswered = Number.parseInt(retransmits, 16) + Number(probes);
    if (endingStates.has(state) && locals.has(local) && unanswered < mostUnanswered) count += 1;
  }
  return count;
}

/** `0100007F:1F90` for 127.0.0.1:8080: words of 32 bits as this machine has them, the port as it is written. */
function localOf({ address, port }: AddressPort): string {
  const bytes = bytesOfIp(address);
  const word = (at: number) => {
    const four = bytes.slice(at, at + 4);
    return Buffer.from(endianness() === 'LE' ? four.reverse() : four).toString('hex');
  };
  const words = Array.from({ length: bytes.length / 4 }, (_, index) => word(index * 4));
  return `${words.join('')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

import { readFileSync } from 'node:fs';

const tables = { TCP: '/proc/net/tcp', UDP: '/proc/net/udp' } as const;
/** TCP_LISTEN; a UDP socket that is not connected has the state TCP_CLOSE. */
const states = { TCP: '0A', UDP: '07' } as const;

/** TCP_SYN_SENT. */
const dialling = '02';

/** The inodes of the sockets that listen at an IPv4 address and port: who they are, as long as they live. proc(5) */
export function listenersAt(protocol: 'TCP' | 'UDP', host: string, port: number): string[] {
  const place = placeOf(host, port);
  const listening = rowsOf(protocol).filter(([, local, , state]) => local === place && state === states[protocol]);
  return listening.map((row) => row[9] ?? '').sort();
}

/** How many TCP connections to an IPv4 address and port have not been answered yet. */
export function diallingTo(host: string, port: number): number {
  const place = placeOf(host, port);
  return rowsOf('TCP').filter(([, , remote, state]) => remote === place && state === dialling).length;
}

function rowsOf(protocol: 'TCP' | 'UDP'): string[][] {
  const rows = readFileSync(tables[protocol], 'utf8').split('\n').slice(1);
  return rows.map((row) => row.trim().split(/\s+/));
}

function placeOf(host: string, port: number): string {
  const bytes = host.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return `${bytes.reverse().join('')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

import { type DropReason, dropReasons } from '../../model/reason.ts';

/** What the addon tells: four numbers an event and an address; `event.h` has the same. */
export const eventKind = {
  /** slot, listener, port of the client */
  accepted: 1,
  /** -, listener, errno: the listener rests until it is resumed */
  acceptFailed: 2,
  /** slot */
  connected: 3,
  /** slot, errno */
  connectFailed: 4,
  /** slot, 1 if nothing more will come */
  head: 5,
  /** slot, ending, party */
  closed: 6,
  /** key, listener, port of the client (and `isV6`): a datagram of somebody new; the address is the client's */
  udpAsked: 7,
  /** slot, 1 if it has replied: the endpoint counts as reached */
  udpReached: 8,
  /** slot, errno */
  udpFailed: 9,
  /** how many, listener, why (`droppedFor`) */
  udpDropped: 10,
  /** slot: nothing of the session moves any more */
  udpClosed: 11,
  /** -, listener: its socket is closed */
  udpStopped: 12,
} as const;

export const eventsPerCall = 512;
export const numbersPerEvent = 8;
/** In bytes, from the first number of an event. */
export const addressOffset = 16;
/** Beside the port of `udpAsked`. */
export const isV6 = 0x1_0000;

/** In the order of `Ending`. */
export const endings = ['closed', 'reset', 'error', 'aborted'] as const;
export type NativeEnding = (typeof endings)[number];

/** In the order of `Party`. */
export const parties = ['sluice', 'client', 'endpoint', 'sluice'] as const;

/** In the order of `Loss`. */
const losses: readonly DropReason[] = ['buffer-full', 'too-large', 'send-error', 'proxy-header-invalid'];
const allReasons = [...losses, ...dropReasons];

/** The reason that a number of `udpDropped` stands for: a loss, or why a datagram was refused. */
export function droppedFor(code: number): DropReason {
  return allReasons[code] ?? 'send-error';
}

const refusals = new Map(dropReasons.map((reason, index) => [reason, losses.length + index]));

export function refusalCode(reason: DropReason): number {
  return refusals.get(reason) ?? 0;
}

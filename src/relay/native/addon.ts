import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { ownAddon } from '../../base/own-files.ts';

declare const instance: unique symbol;
/** An engine of the addon, see `engine.h`: it lives until it is closed. */
export interface Instance {
  readonly [instance]: true;
}

/** What an instance calls, always from the event loop. */
export interface InstanceOwner {
  /** The first `count` events of the array have been written, see `events.ts`. */
  onEvents(count: number): void;
  /** There is room for 1,024 more flows, see `cells.ts`. */
  onCells(cells: ArrayBuffer): void;
}

/** How a listener treats its connections: the sum of these. */
export const listenFlags = {
  /** TCP_NODELAY on both sides, tcp(7). */
  noDelay: 1,
  /** Leave TCP_INFO in the cells of a flow that ends, tcp(7). */
  measures: 2,
  /** IP_FREEBIND: listen on an address that is not there yet, ip(7). */
  freeBind: 4,
  /** IP_TRANSPARENT: take connections to any address that the kernel brings here, ip(7). */
  transparent: 8,
  /** UDP: send through many sockets by one call of io_uring(7), where the kernel has it and this process may use it. */
  rings: 16,
} as const;

/** As `refusal` takes them; `addon.cc` has the same numbers. */
export const privilegedOptions = { SO_MARK: 1, IP_TRANSPARENT: 2 } as const;
/** Likewise: io_uring(7), by which UDP and small TCP traffic are sent. */
export const ioUring = 3;

/**
 * The functions of the addon. An address is 4 or 16 bytes and 2 of the port, in network order (`socket-address.ts`).
 * Slots are those of events; one that has closed is ignored.
 */
export interface Addon {
  /** The errno with which the kernel refuses this process one of `privilegedOptions`, or `ioUring`; 0: it does not. */
  refusal(option: number): number;
  /** Gives the kernel what malloc(3) keeps of freed memory: malloc_trim(3), where the C library has it. */
  trim(): void;
  /**
   * `events`: room for 512 events. `threads`: relay threads, 0: none of its own. `bufferBytes`: the size of one read.
   * `mostPipes`: of each thread. `turnsAtHome`: a flow goes from the event loop to its thread after so many events.
   * `outboxBytes`: what small TCP traffic may wait for the end of a turn of the loop, to be sent by one call of io_uring(7) where
   * the kernel has it and this process may use it; 0: none. `now`: what the monotonic clock says, in milliseconds. `time`: one
   * number which says so at any later time, for a clock that does not run by itself.
   */
  create(
    owner: InstanceOwner,
    events: Int32Array,
    threads: number,
    bufferBytes: number,
    mostPipes: number,
    turnsAtHome: number,
    outboxBytes: number,
    now: number,
    time: Float64Array | undefined,
  ): Instance;
  /** Closes all listeners and flows, and joins the threads. Not from `onEvents`. After it all other calls do nothing. */
  close(instance: Instance): void;
  /** Returns the listener's number. Throws an Error with `errno`. */
  listenTcp(
    instance: Instance,
    address: Uint8Array,
    backlog: number,
    flags: number,
    acceptsPerTurn: number,
    deferAcceptSeconds: number,
    mark: number,
  ): number;
  /** Changes `noDelay`, `measures` and TCP_DEFER_ACCEPT for clients to come. */
  configureTcp(instance: Instance, listener: number, flags: number, deferAcceptSeconds: number): void;
  /** Accepts who waits, then closes the socket. */
  stopListening(instance: Instance, listener: number): void;
  resumeListening(instance: Instance, listener: number): void;
  /**
   * 1: connected, and relayed from now on. 0: an event will tell. Less: the negative errno of the failure. `source`: the
   * address that the endpoint is to see (IP_TRANSPARENT, ip(7)), with another port where that is in use; `undefined`: ours.
   */
  dial(
    instance: Instance,
    slot: number,
    endpoint: Uint8Array,
    header: Uint8Array | undefined,
    source: Uint8Array | undefined,
  ): number;
  /** Ends the present try. */
  giveUp(instance: Instance, slot: number): void;
  /** Whether the client of a flow that is not relayed yet is still connected. What it has sent is not read for that. */
  hasClient(instance: Instance, slot: number): boolean;
  /** Ends the flow with a reset on both sides; `closed` follows. */
  abort(instance: Instance, slot: number): void;
  /** 0: none of that. */
  keepAlive(instance: Instance, slot: number, idleSeconds: number, userTimeoutMs: number): void;
  /** Tells `head` events until the flow is dialled. False: it cannot. */
  watchHead(instance: Instance, slot: number): boolean;
  /** Copies what the client has sent so far: how many bytes, 0 at its end, or a negative errno. */
  peek(instance: Instance, slot: number, to: Uint8Array): number;
  /** Takes the first `size` bytes of it, which have been seen. False: they are still there. */
  drop(instance: Instance, slot: number, size: number): boolean;

  /**
   * Binds exactly `address`; returns the listener's number. The sizes of buffers are those of all its sockets, in bytes;
   * what the kernel grants for receiving and sending is written to `granted`. `flags`: `freeBind`, `rings`. `mark`: of the sockets to
   * endpoints. Throws an Error with `errno`.
   */
  listenUdp(
    instance: Instance,
    address: Uint8Array,
    receiveBytes: number,
    sendBytes: number,
    granted: Int32Array,
    flags: number,
    mark: number,
  ): number;
  /** `networks`: those of proxies, whose datagrams may begin with a PROXY header; 18 bytes each (`proxy_header.h`). */
  trustUdp(instance: Instance, listener: number, networks: Uint8Array): void;
  /** Closes the socket; `udpStopped` follows. */
  stopUdp(instance: Instance, listener: number): void;
  /** An answer to `udpAsked`: a session, whose slot is returned. To be dialled. Throws an Error if there is no memory. */
  admitUdp(instance: Instance, listener: number, key: number): number;
  /** The other answer: what waits is dropped, which `udpDropped` tells with `reason` (`refusalCode`). */
  refuseUdp(instance: Instance, listener: number, key: number, reason: number): void;
  /**
   * Sends what waits, and then what comes, to `endpoint`, each behind `prefix`. `oneway` (1): by a socket that is shared.
   * `source`: see `dial`; not with `oneway`.
   */
  dialUdp(
    instance: Instance,
    slot: number,
    endpoint: Uint8Array,
    prefix: Uint8Array | undefined,
    oneway: 0 | 1,
    source: Uint8Array | undefined,
  ): void;
  /** What nothing has answered is not to be sent to another endpoint. */
  releaseUdp(instance: Instance, slot: number): void;
  /** Ends the session; `udpClosed` follows. `again` (1): what nothing has answered is as if it had just come in. */
  closeUdp(instance: Instance, slot: number, again: 0 | 1): void;
}

/** Calls what throws an Error with `errno`, as an Error with the `code` that Node.js has for it. */
export function binding(call: () => number): number {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number')) throw error;
    throw Object.assign(error, { code: getSystemErrorName(-error.errno) });
  }
}

export type LoadedAddon =
  | { readonly kind: 'loaded'; readonly addon: Addon }
  /** `why` is for people. */
  | { readonly kind: 'absent'; readonly why: string };

/** Where node-gyp leaves it. */
const builtFile = 'src/relay/native/build/Release/sluice.node';

/** Loads the addon, if it was built and this Node.js takes it. Tests name another build of it in `SLUICE_ADDON`. */
export function loadAddon(file = process.env.SLUICE_ADDON): LoadedAddon {
  try {
    const addon = file === undefined ? ownAddon(builtFile) : createRequire(resolve(file))(resolve(file));
    return { kind: 'loaded', addon: addon as Addon };
  } catch (error) {
    return { kind: 'absent', why: whyNot(error, file ?? builtFile) };
  }
}

function whyNot(error: unknown, file: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'MODULE_NOT_FOUND') return `it was not built (npm run build:native; ${file} is not there)`;
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}

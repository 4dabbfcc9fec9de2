import { getSystemErrorName } from 'node:util';
import { ipOfBytes } from '../../model/address-bytes.ts';
import type { TcpMeasures } from '../relay.ts';

/** Flows in one block of cells, and the numbers (float64) of each; `cells.h` has the same layout. */
export const flowsPerBlock = 1_024;
const cellsPerFlow = 8;

const bytesFromClient = 0;
const bytesFromEndpoint = 1;
const datagramsFromClient = 2;
const datagramsFromEndpoint = 3;
const state = 4;
const lastActive = 5;
/** In bytes, from the first cell of the flow. */
const address = 48;

/** The counters of one flow, which the addon writes while its bytes move. */
export class Cells {
  readonly #block: Float64Array;
  readonly #at: number;

  constructor(block: Float64Array, index: number) {
    this.#block = block;
    this.#at = index * cellsPerFlow;
  }

  get bytesFromClient(): number {
    return this.#read(bytesFromClient);
  }

  get bytesFromEndpoint(): number {
    return this.#read(bytesFromEndpoint);
  }

  get datagramsFromClient(): number {
    return this.#read(datagramsFromClient);
  }

  get datagramsFromEndpoint(): number {
    return this.#read(datagramsFromEndpoint);
  }

  /** TCP, once it has ended and if it was measured: a round trip takes at least a microsecond. */
  get measures(): TcpMeasures | undefined {
    const rttMs = this.#read(datagramsFromClient) / 1_000;
    return rttMs === 0 ? undefined : { rttMs, retransmits: this.#read(datagramsFromEndpoint) };
  }

  /** TCP, once it has ended: the name of the error that ended it, if one did. */
  get errorCode(): string | undefined {
    const errno = this.#read(lastActive);
    return errno === 0 ? undefined : getSystemErrorName(-errno);
  }

  /** TCP: one side has finished. UDP: the session is established. */
  get isMarked(): boolean {
    return this.#read(state) !== 0;
  }

  /** UDP: of the last datagram either way. */
  get lastActiveMs(): number {
    return this.#read(lastActive);
  }

  clientAddress(isV6: boolean): string {
    const from = this.#block.byteOffset + this.#at * 8 + address;
    return ipOfBytes(new Uint8Array(this.#block.buffer, from, isV6 ? 16 : 4));
  }

  #read(cell: number): number {
    return this.#block[this.#at + cell] ?? 0;
  }
}

import { hostname, networkInterfaces } from 'node:os';
import type { Clock, Timer } from '../base/clock.ts';
import type { NodeConfig } from '../config/node-schema.ts';
import { type Ip, parseIp } from '../model/address.ts';
import { type NodeView, primaryAddresses } from '../model/node.ts';

export interface NodeWatchInit {
  readonly clock: Clock;
  /** Called at each look, whether or not anything is new. */
  readonly onLook: (node: NodeView) => void;
  /** The addresses of the host's interfaces. */
  readonly readAddresses?: () => readonly Ip[];
}

/** Nobody tells when an address comes or goes, so they are looked at; kube-proxy does the same with each sync. */
const lookEveryMs = 5_000;

/** Keeps an eye on the addresses of this host. */
export class NodeWatch {
  readonly #init: NodeWatchInit;
  #config: NodeConfig;
  #timer: Timer | undefined;
  /** As they were read last. */
  #addresses: readonly Ip[] | undefined;

  constructor(config: NodeConfig, init: NodeWatchInit) {
    this.#config = config;
    this.#init = init;
  }

  /** The node as it is now. */
  view(): NodeView {
    return nodeView(this.#config, () => this.#read());
  }

  /** Looks now, and from now on. */
  start(): void {
    this.#timer?.cancel();
    this.#init.onLook(this.view());
    this.#timer = this.#init.clock.after(lookEveryMs, () => this.start());
  }

  configure(config: NodeConfig): void {
    this.#config = config;
    if (this.#timer !== undefined) this.start();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Reading takes a descriptor. Where there is none (EMFILE, ENFILE) the addresses stay what they were. */
  #read(): readonly Ip[] {
    const { readAddresses = hostAddresses } = this.#init;
    try {
      this.#addresses = readAddresses();
    } catch (error) {
      if (this.#addresses === undefined || !isSystemError(error)) throw error;
    }
    return this.#addresses;
  }
}

/** The node as it is now: what is configured, and what this host says for the rest. */
export function nodeView(config: NodeConfig, readAddresses: () => readonly Ip[] = hostAddresses): NodeView {
  const { name, zone, addresses, podCidrs, nodePortAddresses: wanted } = config;
  const nodePortAddresses = wanted === 'primary' && addresses !== undefined ? primaryAddresses(addresses) : wanted;
  return {
    place: { ...(name !== undefined && { name }), ...(zone !== undefined && { zone }) },
    hostName: hostname().toLowerCase(),
    addresses: addresses ?? readAddresses(),
    podCidrs,
    nodePortAddresses,
  };
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

/** Of every interface, sorted: their order is the kernel's and may change. Zones (`%eth0`) are cut off. */
export function hostAddresses(): readonly Ip[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const parsed = all.map(({ address }) => parseIp(address.split('%')[0] ?? '')).filter((each) => each !== undefined);
  return [...new Set(parsed)].sort();
}

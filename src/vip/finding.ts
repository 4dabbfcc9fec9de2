import type { EngineName } from '../config/schema.ts';
import type { VipMode } from '../config/vip-schema.ts';
import type { IpFamily } from '../model/address.ts';

/** `poor`: it works, with a limit that may matter. `unusable`: what was asked for cannot work. */
export type Verdict = 'ok' | 'poor' | 'unusable';

export interface Finding {
  readonly check: string;
  readonly value: string;
  readonly verdict: Verdict;
  /** What it means, where that is not plain. */
  readonly note?: string;
  /** A command that changes it. */
  readonly fix?: string;
}

/** What a configuration asks of the host. */
export interface Asked {
  readonly mode: VipMode;
  /** The lowest port that is listened on at a VIP itself; `undefined`: not known, or none. */
  readonly lowestPort: number | undefined;
  /** Those of the VIPs, as far as they are known. */
  readonly families: ReadonlySet<IpFamily>;
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly backlog: number;
  /** The keys in use that only the native engine can follow, and the option of sockets that each needs a capability for. */
  readonly nativeOnly: readonly { readonly key: string; readonly needs?: string }[];
  readonly engine: EngineName;
  /** Why the native engine cannot be had; `undefined`: it can. */
  readonly addonMissing: string | undefined;
  /** The code of the error with which the kernel refuses io_uring(7) to the native engine; `undefined`: it does not. */
  readonly ioUringRefused: string | undefined;
}

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** The mode that suits this host, where the addresses are not local already. */
  readonly suggestion: VipMode;
}

import type { Ip } from '../model/address.ts';
import type { Protocol } from '../model/keys.ts';

/** Kubernetes `Pod`, as far as it can stand behind a Service. One that has ended, or has no address yet, is none. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `status.podIPs`; those of the node, for a pod on the host's network. */
  readonly addresses: readonly Ip[];
  readonly nodeName?: string;
  /** The condition `Ready`. */
  readonly ready: boolean;
  /** `metadata.deletionTimestamp` is set. */
  readonly terminating: boolean;
  /** The named ports of its containers. */
  readonly ports: readonly PodPort[];
}

export interface PodPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
}

/** The part of a Service that says which pods are behind it, and at which of their ports. */
export interface Selection {
  /** Not empty: without a selector nobody is selected. */
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly SelectedPort[];
  /** Pods that are not ready count as ready. */
  readonly publishNotReady: boolean;
}

export interface SelectedPort {
  readonly name: string;
  readonly protocol: Protocol;
  /** A number, or the name of a port of the pod. */
  readonly target: number | string;
}

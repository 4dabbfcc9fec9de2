import type { Endpoint } from './snapshot.ts';

/**
 * What one endpoint of one service port has carried. Plain numbers that the relay adds to as bytes move, and that
 * metrics read when they are scraped: no call per chunk or datagram.
 */
export class TargetStats {
  /** Flows that are given to the endpoint now, those that are still connecting included. */
  active = 0;
  /** Flows that reached the endpoint, ever. */
  opened = 0;
  /** Flows that reached the endpoint and have ended, ever. */
  closed = 0;
  /** Bytes of payload from clients to the endpoint, and back. */
  bytesToEndpoint = 0;
  bytesFromEndpoint = 0;
  datagramsToEndpoint = 0;
  datagramsFromEndpoint = 0;
}

/** One endpoint of one service port, as flows hold on to it. It outlives changes of the endpoint's conditions. */
export class Target {
  /** The newest state of the endpoint; `key`, `address` and `port` never change. */
  endpoint: Endpoint;
  readonly stats = new TargetStats();
  /** False once the endpoint has left its service port: flows that hold on to it are the last. */
  present = true;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }
}

import type { EndReason } from '../../src/model/reason.ts';
import type { Frontend } from '../../src/model/snapshot.ts';
import type { Ending, Flow } from '../../src/relay/relay.ts';

export const clientAddress = '192.0.2.77';
export const clientPort = 45_678;

/** A flow of one client to a frontend, as it looks when it ends. */
export function flowOf(frontend: Frontend, over: Partial<Flow> = {}): Flow {
  const { protocol } = frontend;
  return { protocol, clientAddress, clientPort, frontend, tried: undefined, lease: undefined, ...over };
}

/** The client ended it after 5 ms, and no byte was moved. */
export function endingOf(reason: EndReason, over: Partial<Ending> = {}): Ending {
  const bytes = { bytesFromClient: 0, bytesFromEndpoint: 0 };
  const nothing = { target: undefined, connectMs: undefined, lastFailure: undefined };
  return { reason, by: 'client', durationMs: 5, ...bytes, ...nothing, ...over };
}

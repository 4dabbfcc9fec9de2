/**
 * Why things end. One closed set of words: each is the type, the metric label, the log field and the name of its test.
 */

/** Why a try to reach an endpoint failed. */
export const connectFailures = [
  /** ECONNREFUSED, or an ICMP port unreachable for UDP: nobody listens there. */
  'connect-refused',
  /** No answer within `connectTimeout`. */
  'connect-timeout',
  /** EHOSTUNREACH, ENETUNREACH: no route. */
  'connect-unreachable',
  /** The endpoint reset the connection during the handshake. */
  'connect-reset',
  /** EADDRNOTAVAIL: this host's ephemeral ports towards the endpoint are used up. The endpoint is not to blame. */
  'ports-exhausted',
  /** EMFILE, ENFILE: no descriptor for the connection. The endpoint is not to blame. */
  'descriptors-exhausted',
  /** ENOMEM, ENOBUFS: the kernel has no memory for the connection. The endpoint is not to blame. */
  'memory-exhausted',
  /** Any other error of connect(2). */
  'connect-error',
] as const;
export type ConnectFailure = (typeof connectFailures)[number];

/** Why a new flow is not given to any endpoint. */
export const rejectReasons = [
  /** The service port has no eligible endpoint. */
  'no-endpoint',
  /** A traffic policy `Local` and no endpoint on this node. */
  'no-local-endpoint',
  /** The client is outside `loadBalancerSourceRanges`. */
  'source-not-allowed',
  /** Every endpoint was tried, or the budget ran out: the last failure of the tries is logged beside it. */
  'connect-failed',
  /** The process, the frontend or the service carries as many flows as it may. */
  'limit-process',
  'limit-frontend',
  'limit-service',
  /** One client address holds as many UDP sessions as it may. */
  'limit-client',
  /** sluice is draining. */
  'shutdown',
  /** No file descriptor is left. */
  'descriptors-exhausted',
  /** The kernel has no memory for another socket. */
  'memory-exhausted',
  /** What a trusted proxy sent first is no PROXY header, or not a whole one. */
  'proxy-header-invalid',
  /** Its PROXY header was not complete in time. */
  'proxy-header-timeout',
  /** `clientAddress: keep`, and it cannot be: no capability, another engine than native, an endpoint of another IP family. */
  'address-not-kept',
] as const;
export type RejectReason = (typeof rejectReasons)[number];

/** Why an established flow ended. */
export const endReasons = [
  /** Both sides finished in order (FIN). */
  'closed',
  /** One side reset the connection; the other side got a reset too. */
  'reset',
  /** No byte either way for `idleTimeout`. For a UDP session this is the normal end. */
  'idle-timeout',
  /** One side had finished and the other neither sent nor finished for `halfClosedTimeout`. */
  'half-closed-timeout',
  /** The endpoint is gone: UDP at once, TCP after `endpointDrainTimeout`. */
  'endpoint-removed',
  /** The frontend is gone. */
  'frontend-removed',
  /** A UDP session that made room for a new one. */
  'evicted',
  /** ICMP said that nobody listens there any more (UDP). */
  'endpoint-unreachable',
  /** Ended by sluice's own end, when the drain period was over. */
  'shutdown',
  /** The client went away before an endpoint had been reached. */
  'client-gone',
  /** A socket error with no better name. */
  'error',
] as const;
export type EndReason = (typeof endReasons)[number] | RejectReason;

/** Why a datagram was not passed on. */
export const dropReasons = [
  'no-endpoint',
  'no-local-endpoint',
  'source-not-allowed',
  'connect-failed',
  'limit-process',
  'limit-frontend',
  'limit-service',
  'limit-client',
  'shutdown',
  'descriptors-exhausted',
  'memory-exhausted',
  'proxy-header-invalid',
  'proxy-header-timeout',
  'address-not-kept',
  /** The kernel would not take it now (ENOBUFS, ENOMEM, EAGAIN). */
  'buffer-full',
  /** EMSGSIZE: larger than the path or the socket allows. */
  'too-large',
  /** Any other error of send(2). */
  'send-error',
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Who made the first move to the end of a flow. */
export type Party = 'client' | 'endpoint' | 'sluice';

/** The connect failure that an error code of connect(2) stands for. */
export function connectFailureOf(code: string): ConnectFailure {
  switch (code) {
    case 'ECONNREFUSED':
      return 'connect-refused';
    case 'ETIMEDOUT':
      return 'connect-timeout';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return 'connect-unreachable';
    case 'ECONNRESET':
      return 'connect-reset';
    case 'EADDRNOTAVAIL':
      return 'ports-exhausted';
    case 'EMFILE':
    case 'ENFILE':
      return 'descriptors-exhausted';
    case 'ENOMEM':
    case 'ENOBUFS':
      return 'memory-exhausted';
    default:
      return 'connect-error';
  }
}

/** Whether a code is what a socket says when its peer has reset the connection, reading or writing. */
export function isReset(code: string): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED';
}

/** What this host has run out of, for every endpoint alike. */
export type Shortage = ConnectFailure & RejectReason;

export function isShortage(failure: ConnectFailure): failure is Shortage {
  return failure === 'descriptors-exhausted' || failure === 'memory-exhausted';
}

/** Failures of this host rather than of the endpoint, which is not to blame. */
export function isLocalFailure(failure: ConnectFailure): boolean {
  return failure === 'ports-exhausted' || isShortage(failure);
}

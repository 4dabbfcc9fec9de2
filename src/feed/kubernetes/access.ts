import type { RequestOptions } from 'node:https';

/** Where the API server is, and what proves who asks. Asked for at each request: tokens and certificates rotate. */
export interface Connection {
  /** `https://host:port`, with a path if the server is behind one, without a slash at its end. */
  readonly server: string;
  /** Certificates, headers and agent for `node:https`, or `node:http` if `server` says so. */
  readonly options: RequestOptions;
}

/** The way to an API server. */
export interface Access {
  /** Rejects with an `Error` whose message says what is missing: a file, a context, a credential plugin that failed. */
  connection(): Promise<Connection>;
  /**
   * The server refused this connection, or was not to be found there: the next one may be made from the files as they are
   * then.
   */
  renew(connection: Connection, reason: 'refused' | 'unreachable'): void;
}

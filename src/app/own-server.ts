import type { Logger } from 'pino';
import type { Routes } from '../admin/answer.ts';
import { AdminServer } from '../admin/server.ts';
import { errorCode } from '../base/errors.ts';
import type { AdminListen } from '../config/schema.ts';
import { formatAddressPort } from '../model/address.ts';

export interface OwnServerInit {
  /** `NAME.listen` is its key in the configuration. */
  readonly name: 'admin' | 'health';
  readonly logger: Logger;
  readonly routes: Pick<Routes, 'get'>;
}

type Place = Exclude<AdminListen, { kind: 'off' }>;

/** A server of sluice's own where the configuration has it. Traffic comes first: sluice runs without it if that cannot be. */
export class OwnServer {
  readonly #init: OwnServerInit;
  #listen: AdminListen = { kind: 'off' };
  #server: AdminServer | undefined;
  /** The error that was told last, so that it is not told at each try. */
  #told: string | undefined;
  #trying: Promise<void> = Promise.resolve();

  constructor(init: OwnServerInit) {
    this.#init = init;
  }

  /** An address that is the same as before is left alone. */
  async listen(listen: AdminListen): Promise<void> {
    if (JSON.stringify(listen) === JSON.stringify(this.#listen)) return;
    this.#listen = listen;
    await this.#trying;
    await this.#end();
    this.#told = undefined;
    await this.retry();
  }

  /** Tries to listen, where it should and does not: whoever had the address may be gone, as after a restart. */
  retry(): Promise<void> {
    this.#trying = this.#trying.then(() => this.#try());
    return this.#trying;
  }

  async close(): Promise<void> {
    this.#listen = { kind: 'off' };
    await this.#trying;
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async #try(): Promise<void> {
    const { name, logger, routes } = this.#init;
    const listen = this.#listen;
    if (this.#server !== undefined || listen.kind === 'off') return;
    const failed = (error: unknown) => logger.error({ err: error }, `the ${name} server failed to answer`);
    const server = new AdminServer({ routes, failed });
    try {
      logger.info({ [name]: await server.listen(listen) }, `the ${name} server listens`);
      this.#server = server;
    } catch (error) {
      await server.close();
      this.#tell(errorCode(error), listen);
    }
  }

  #tell(code: string, listen: Place): void {
    if (this.#told === code) return;
    this.#told = code;
    const { name, logger } = this.#init;
    const message = `the ${name} server cannot listen on ${textOf(listen)} (${code}): ${causeOf(code, listen)}`;
    logger.error({ code, [name]: listen }, `${message}, or set ${name}.listen; it is tried again`);
  }
}

function textOf(listen: Place): string {
  return listen.kind === 'unix' ? `unix:${listen.path}` : formatAddressPort(listen.address, listen.port);
}

/** What is in the way, and what to do. */
function causeOf(code: string, listen: Place): string {
  if (code === 'EADDRINUSE') return 'another program, or another sluice, listens there; stop it';
  if (code === 'EADDRNOTAVAIL') return 'this is no address of this host; add it';
  if (code === 'EACCES' && listen.kind === 'tcp') return 'this port needs CAP_NET_BIND_SERVICE; grant it';
  if (code === 'EACCES') return 'this user may not make a socket in this folder; let it';
  if (code === 'ENOENT') return 'there is no such folder; make it';
  return 'see listen(2) for this error; mend it';
}

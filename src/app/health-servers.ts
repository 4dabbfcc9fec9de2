import type { Logger } from 'pino';
import { HealthCheckPorts, type WantedChecks } from '../admin/health-check-ports.ts';
import { forwards, healthRoutes, type NodeHealthSource } from '../admin/health-routes.ts';
import { AdminServer } from '../admin/server.ts';
import { errorCode } from '../base/errors.ts';
import type { AdminListen } from '../config/schema.ts';
import { formatAddressPort } from '../model/address.ts';

export interface HealthServersInit {
  readonly logger: Logger;
  readonly source: NodeHealthSource;
}

/** What load balancers ask: one server for the node (`health.listen`), and one for each `healthCheckNodePort`. */
export class HealthServers {
  readonly #init: HealthServersInit;
  readonly #ports: HealthCheckPorts;
  #server: AdminServer | undefined;
  #listen: AdminListen = { kind: 'off' };
  /** Ports that cannot be listened on, so that each is told once and not at each try. */
  readonly #told = new Set<string>();

  constructor(init: HealthServersInit) {
    this.#init = init;
    this.#ports = new HealthCheckPorts({
      isHealthy: () => forwards(init.source),
      failed: ({ service, port }, address, error) => {
        const [healthCheckNodePort, code] = [formatAddressPort(address, port), errorCode(error)];
        const text = `${service} ${healthCheckNodePort} ${code}`;
        if (this.#told.has(text)) return;
        this.#told.add(text);
        init.logger.warn({ service, healthCheckNodePort, code }, 'a health check port cannot be listened on');
      },
    });
  }

  /** An address that is the same as before is left alone. */
  async listen(listen: AdminListen): Promise<void> {
    if (JSON.stringify(listen) === JSON.stringify(this.#listen)) return;
    this.#listen = listen;
    await this.#server?.close();
    this.#server = undefined;
    if (listen.kind !== 'off') this.#server = await this.#open(listen);
  }

  sync(wanted: WantedChecks): Promise<void> {
    return this.#ports.sync(wanted);
  }

  async close(): Promise<void> {
    await Promise.all([this.#server?.close(), this.#ports.close()]);
  }

  async #open(listen: Exclude<AdminListen, { kind: 'off' }>): Promise<AdminServer | undefined> {
    const { logger, source } = this.#init;
    const failed = (error: unknown) => logger.error({ err: error }, 'the health server failed to answer');
    const server = new AdminServer({ routes: healthRoutes(source), failed });
    try {
      logger.info({ health: await server.listen(listen) }, 'the health server listens');
      return server;
    } catch (error) {
      // Traffic comes first, as with the admin server.
      logger.error({ code: errorCode(error), health: listen }, 'the health server cannot listen; see health.listen');
      return undefined;
    }
  }
}

import type { Logger } from 'pino';
import { HealthCheckPorts, type WantedChecks } from '../admin/health-check-ports.ts';
import { forwards, healthRoutes, type NodeHealthSource } from '../admin/health-routes.ts';
import { errorCode } from '../base/errors.ts';
import type { AdminListen } from '../config/schema.ts';
import { formatAddressPort } from '../model/address.ts';
import { OwnServer } from './own-server.ts';

export interface HealthServersInit {
  readonly logger: Logger;
  readonly source: NodeHealthSource;
}

/** What load balancers ask: one server for the node (`health.listen`), and one for each `healthCheckNodePort`. */
export class HealthServers {
  readonly #server: OwnServer;
  readonly #ports: HealthCheckPorts;
  /** Ports that cannot be listened on, so that each is told once and not at each try. */
  readonly #told = new Set<string>();

  constructor(init: HealthServersInit) {
    this.#server = new OwnServer({ name: 'health', logger: init.logger, routes: healthRoutes(init.source) });
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
  listen(listen: AdminListen): Promise<void> {
    return this.#server.listen(listen);
  }

  sync(wanted: WantedChecks): Promise<void> {
    return this.#ports.sync(wanted);
  }

  /** Tries again what could not be listened on. */
  retry(): Promise<void> {
    return this.#server.retry();
  }

  async close(): Promise<void> {
    await Promise.all([this.#server.close(), this.#ports.close()]);
  }
}

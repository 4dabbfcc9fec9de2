import { json, jsonType, type Route, type Routes } from './answer.ts';
import { type HealthSource, healthOf, readinessOf } from './health.ts';
import { objectRoutes } from './object-routes.ts';
import type { ObjectSource } from './object-source.ts';
import { type SnapshotSource, servicesJson } from './services.ts';

export interface MetricsSource {
  readonly contentType: string;
  expose(): Promise<string>;
}

export interface RoutesInit {
  readonly metrics: MetricsSource;
  readonly health: HealthSource;
  readonly snapshot: SnapshotSource;
  /** Without it there is no `get`, `describe` and `explain`. */
  readonly objects?: ObjectSource;
  /** `/healthz` fails when an update has waited longer than this to be applied. Default 30 s. */
  readonly updateLimitMs?: number;
}

const defaultUpdateLimitMs = 30_000;

const index = `sluice

/metrics   Prometheus metrics
/healthz   200 while updates are applied (also /livez)
/readyz    200 when ready for traffic; JSON says what is wrong
/services  JSON of what is proxied, with counters
/get/services, /get/endpoints, /get/frontends, /get/sessions
           JSON lists (?namespace= &name= &labelSelector=)
/describe  JSON of one service (?namespace= &name=)
/explain   JSON of what would be chosen now and why (?client=IP &frontend=IP:PORT[/PROTOCOL])
`;

export function createRoutes({ metrics, health, snapshot, objects, updateLimitMs }: RoutesInit): Routes {
  const alive = () => {
    const response = healthOf(health, updateLimitMs ?? defaultUpdateLimitMs);
    return json(response.status === 'ok' ? 200 : 503, response);
  };
  const ready = () => {
    const response = readinessOf(health);
    return json(response.status === 'unready' ? 503 : 200, response);
  };
  return new Map<string, Route>([
    ['/', () => ({ status: 200, contentType: 'text/plain; charset=utf-8', body: index })],
    ['/metrics', async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.expose() })],
    ['/healthz', alive],
    ['/livez', alive],
    ['/readyz', ready],
    ['/services', () => ({ status: 200, contentType: jsonType, body: servicesJson(snapshot) })],
    ...(objects === undefined ? [] : objectRoutes(objects, () => health.snapshotVersion() > 0)),
  ]);
}

import type { FrontendStatus, RouteOfFrontend } from '../frontend/frontends.ts';
import type { ServicePortView } from '../metrics/views.ts';
import type { Ip } from '../model/address.ts';
import type { FrontendKey } from '../model/keys.ts';
import type { Service } from '../model/service.ts';
import type { Frontend } from '../model/snapshot.ts';
import type { Target } from '../model/target.ts';
import type { FlowView } from '../relay/relay.ts';
import type { VipObstacle } from '../vip/obstacle.ts';

/** A service as it was declared. */
export interface ServiceView {
  readonly service: Service;
  /** RFC 3339: when it was made, or else when sluice first saw it. */
  readonly createdAt: string;
}

/** One flow that goes on, and the frontend that it came by. */
export interface SessionView {
  readonly frontend: Frontend;
  readonly flow: FlowView;
}

/** `obstacle`: the flow does not even get to the listener. */
export type ExplainedRoute = RouteOfFrontend & { readonly obstacle?: VipObstacle };

/** What `get`, `describe` and `explain` are made of, asked for anew with each request. */
export interface ObjectSource {
  services(): Iterable<ServiceView>;
  servicePorts(): Iterable<ServicePortView>;
  frontends(): Iterable<FrontendStatus>;
  sessions(): Iterable<SessionView>;
  /** How many tries to reach the endpoint have failed since it is there. */
  failedTries(target: Target): number;
  /** What would become of a flow of `client` to the frontend; `undefined`: there is none. Changes nothing. */
  explain(client: Ip, key: FrontendKey): ExplainedRoute | undefined;
}

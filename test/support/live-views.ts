import type { FeedView, FrontendView, LiveViews, ServicePortView, VipsView } from '../../src/metrics/views.ts';
import { frontendKey, type Protocol, serviceKey, servicePortKey } from '../../src/model/keys.ts';
import type { Endpoint, Frontend, ServicePort } from '../../src/model/snapshot.ts';
import { Target, TargetStats } from '../../src/model/target.ts';
import { ip, servicePort } from './model.ts';

/** A service port `default/NAME:http`. */
export function servicePortNamed(
  name: string,
  endpoints: readonly Endpoint[] = [],
  protocol: Protocol = 'TCP',
): ServicePort {
  const service = serviceKey('default', name);
  return servicePort(endpoints, { key: servicePortKey(service, 'http', protocol, 'IPv4'), service, name, protocol });
}

export function frontendOf(servicePort: ServicePort, address = '10.96.0.1', port = 80): Frontend {
  const { protocol } = servicePort;
  const key = frontendKey(protocol, ip(address), port);
  return { key, protocol, address: ip(address), port, servicePort, kind: 'cluster', scope: 'cluster' };
}

/** A service port with a target for each of its endpoints. */
export class FakeServicePort implements ServicePortView {
  servicePort: ServicePort;
  readonly targets = new Map<Endpoint['key'], Target>();
  readonly retired = new TargetStats();
  affinityEntries = 0;

  constructor(servicePort: ServicePort) {
    this.servicePort = servicePort;
    for (const endpoint of servicePort.endpoints) this.targets.set(endpoint.key, new Target(endpoint));
  }
}

/** Views that say what a test has put into them. */
export class FakeViews implements LiveViews {
  servicePortViews: ServicePortView[] = [];
  frontendViews: FrontendView[] = [];
  feedViews: FeedView[] = [];
  vipsView: VipsView = { problems: [], cutOff: false };
  version = 1;
  limit = 1000;
  dropped = 0;

  servicePorts = () => this.servicePortViews;
  frontends = () => this.frontendViews;
  feeds = () => this.feedViews;
  vips = () => this.vipsView;
  snapshotVersion = () => this.version;
  flowsLimit = () => this.limit;
  logLinesDropped = () => this.dropped;
}

import assert from 'node:assert/strict';
import { type Ip, type IpFamily, parseAddressPort, parseIp } from '../../src/model/address.ts';
import { endpointKey, serviceKey, servicePortKey } from '../../src/model/keys.ts';
import type { EndpointSlice, Service, SliceEndpoint } from '../../src/model/service.ts';
import { defaultSettings, type ServiceSettings } from '../../src/model/settings.ts';
import type { Endpoint, ServicePort } from '../../src/model/snapshot.ts';
import { Target } from '../../src/model/target.ts';

/** Short ways to say model objects in tests. */

export function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed !== undefined, `${text} is no address`);
  return parsed;
}

export function sliceEndpoint(address: string, over: Partial<SliceEndpoint> = {}): SliceEndpoint {
  return { address: ip(address), ready: true, serving: true, terminating: false, weight: 1, ...over };
}

/** `text` is `ip` or `ip:port`; the port is 8080 if not said. */
export function endpoint(text: string, over: Partial<SliceEndpoint> = {}): Endpoint {
  const parsed = parseAddressPort(text);
  assert.ok(parsed !== undefined, `${text} is no endpoint`);
  const { address, port = 8080 } = parsed;
  return { ...sliceEndpoint(address, over), key: endpointKey(address, port), port };
}

/** Targets 127.1.0.1, 127.1.0.2, … of the given weights. */
export function targetsOf(weights: readonly number[]): readonly Target[] {
  return weights.map((weight, index) => new Target(endpoint(`127.1.${index >> 8}.${index & 255}`, { weight })));
}

export function settingsWith(over: Partial<ServiceSettings>): ServiceSettings {
  return { ...defaultSettings, ...over };
}

export function servicePort(endpoints: readonly Endpoint[], over: Partial<ServicePort> = {}): ServicePort {
  const service = serviceKey('default', 'web');
  return {
    key: servicePortKey(service, 'http', 'TCP', 'IPv4'),
    service,
    namespace: 'default',
    name: 'web',
    portName: 'http',
    protocol: 'TCP',
    family: 'IPv4',
    settings: defaultSettings,
    endpoints,
    eligible: endpoints,
    ...over,
  };
}

/** A service `default/NAME` with the TCP port 80 named `http`. */
export function service(name: string, vips: readonly string[], over: Partial<Service> = {}): Service {
  return {
    key: serviceKey('default', name),
    namespace: 'default',
    name,
    vips: vips.map(ip),
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    settings: {},
    crossFamily: false,
    ...over,
  };
}

/** A slice of `default/SERVICE` whose port `http` is 8080. */
export function slice(
  name: string,
  serviceName: string,
  endpoints: readonly (SliceEndpoint | string)[],
  over: Partial<EndpointSlice> = {},
): EndpointSlice {
  const family: IpFamily = 'IPv4';
  return {
    name: `default/${name}`,
    service: serviceKey('default', serviceName),
    family,
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map((item) => (typeof item === 'string' ? sliceEndpoint(item) : item)),
    ...over,
  };
}

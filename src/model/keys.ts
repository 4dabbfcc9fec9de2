import type { Ip, IpFamily } from './address.ts';
import { formatAddressPort } from './address.ts';

export type Protocol = 'TCP' | 'UDP';

declare const key: unique symbol;
/** `namespace/name` */
export type ServiceKey = string & { readonly [key]: 'service' };
/** `namespace/name:port/PROTOCOL/family`; the port is its name, or empty when the service has a single unnamed one. */
export type ServicePortKey = string & { readonly [key]: 'servicePort' };
/** `ip:port/PROTOCOL`: also how people read and write it. */
export type FrontendKey = string & { readonly [key]: 'frontend' };
/** `ip:port` */
export type EndpointKey = string & { readonly [key]: 'endpoint' };

export function serviceKey(namespace: string, name: string): ServiceKey {
  return `${namespace}/${name}` as ServiceKey;
}

export function servicePortKey(
  service: ServiceKey,
  portName: string,
  protocol: Protocol,
  family: IpFamily,
): ServicePortKey {
  return `${service}:${portName}/${protocol}/${family}` as ServicePortKey;
}

export function frontendKey(protocol: Protocol, address: Ip, port: number): FrontendKey {
  return `${formatAddressPort(address, port)}/${protocol}` as FrontendKey;
}

export function endpointKey(address: Ip, port: number): EndpointKey {
  return formatAddressPort(address, port) as EndpointKey;
}

import { judge, leftOutReason } from '../balance/eligibility.ts';
import type { FrontendStatus } from '../frontend/frontends.ts';
import type { ServicePort } from '../model/snapshot.ts';
import type { ObjectSource } from './object-source.ts';
import { serviceObject } from './service-object.ts';
import { frontendEntry } from './services.ts';
import type { DescribedPort, DescribeResponse, LeftOutEntry } from './shapes.ts';

/** All that is known of one service; `undefined`: there is none of that name. */
export function describeService(source: ObjectSource, namespace: string, name: string): DescribeResponse | undefined {
  const view = [...source.services()].find(({ service }) => service.namespace === namespace && service.name === name);
  if (view === undefined) return undefined;
  const { key, ports, notProxied } = view.service;
  const servicePorts = [...source.servicePorts()]
    .map((each) => each.servicePort)
    .filter((each) => each.service === key);
  const frontends = [...source.frontends()].filter(({ frontend }) => frontend.servicePort.service === key);
  return {
    service: serviceObject(view),
    ...(notProxied !== undefined && { notProxied }),
    ports: ports.map(({ name: portName, port, protocol }): DescribedPort => {
      const isMeant = (each: ServicePort) => each.portName === portName && each.protocol === protocol;
      const families = servicePorts.filter(isMeant);
      const bound = frontends.filter(({ frontend }) => isMeant(frontend.servicePort));
      return { name: portName, port, protocol, ...described(families, bound) };
    }),
  };
}

/** `families`: the same port for each of its IP families. */
function described(
  families: readonly ServicePort[],
  bound: readonly FrontendStatus[],
): Pick<DescribedPort, 'policy' | 'frontends' | 'endpoints' | 'leftOut'> {
  return {
    policy: families[0]?.settings.policy ?? '',
    frontends: bound.map(frontendEntry),
    endpoints: families.flatMap(({ eligible }) => eligible.map(({ key }) => key)),
    leftOut: families.flatMap(leftOutOf),
  };
}

/** Those that get no flows of any scope, with the reason for most traffic. */
function leftOutOf({ endpoints, eligible, place }: ServicePort): readonly LeftOutEntry[] {
  const judgements = (['cluster', 'local'] as const).map((scope) => judge(endpoints, scope, place));
  return endpoints.flatMap((endpoint): LeftOutEntry[] => {
    if (eligible.includes(endpoint)) return [];
    const [reason] = judgements.flatMap((judgement) => leftOutReason(endpoint, judgement) ?? []);
    return reason === undefined ? [] : [{ endpoint: endpoint.key, reason }];
  });
}

import type { Endpoint, ServicePort } from '../model/snapshot.ts';
import type { ServiceView } from './object-source.ts';
import { metadataOf } from './service-object.ts';
import type { EndpointAddress, EndpointSubset, EndpointsObject } from './shapes.ts';

/** The endpoints of one service in the words of Kubernetes; `servicePorts` are all of the service. */
export function endpointsObject(view: ServiceView, servicePorts: readonly ServicePort[]): EndpointsObject {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: metadataOf(view),
    subsets: servicePorts.flatMap(subsetsOf),
  };
}

/** One for each port number that the endpoints of a service port have: pods may differ. */
function subsetsOf({ portName, protocol, endpoints }: ServicePort): readonly EndpointSubset[] {
  const byPort = new Map<number, Endpoint[]>();
  for (const endpoint of endpoints) {
    const group = byPort.get(endpoint.port);
    if (group === undefined) byPort.set(endpoint.port, [endpoint]);
    else group.push(endpoint);
  }
  return Array.from(byPort, ([port, group]) => {
    const [ready, notReady] = [true, false].map((wanted) => group.filter((each) => each.ready === wanted));
    return {
      ...(ready?.length && { addresses: ready.map(addressOf) }),
      ...(notReady?.length && { notReadyAddresses: notReady.map(addressOf) }),
      ports: [{ ...(portName !== '' && { name: portName }), port, protocol }],
    };
  });
}

function addressOf({ address, nodeName }: Endpoint): EndpointAddress {
  return { ip: address, ...(nodeName !== undefined && { nodeName }) };
}

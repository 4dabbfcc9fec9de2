const notHeadless = '!service.kubernetes.io/headless';
/** Objects with these labels are another proxy's, or nobody's (kube-proxy lists with the same selector; KEP-2447). */
const notOthers = '!service.kubernetes.io/service-proxy-name';

/**
 * The selector for EndpointSlices. Those for us have a label by which they cannot be asked for together with those for
 * everybody: with a name of our own, the others' are left out here and not there.
 */
export function sliceSelector(proxyName: string | undefined): string {
  return proxyName === undefined ? `${notHeadless},${notOthers}` : notHeadless;
}

/**
 * The selector for Services, with the user's own. EndpointSlices get none of the user's: slices that somebody writes for a
 * service without a selector need not have the service's labels.
 */
export function serviceSelector(users: string | undefined, proxyName: string | undefined): string {
  return users === undefined ? sliceSelector(proxyName) : `${sliceSelector(proxyName)},${users}`;
}

/** A kubeconfig, as JSON, of a server that lets everybody in. */
export function kubeconfigOf(server: string): string {
  return JSON.stringify({
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server } }],
    users: [{ name: 'me', user: {} }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'me' } }],
  });
}

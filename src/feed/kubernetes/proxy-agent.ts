import type { Agent } from 'node:http';
import { type Environment, environmentProxy } from './environment-proxy.ts';

/**
 * What requests to `server` are made by: the proxy that is `said` (a kubeconfig's `proxy-url`), else the one of the
 * environment; none: no option. Rejects with an `Error` where the environment names none that is one.
 */
export async function agentFor(server: string, env: Environment, said?: string): Promise<{ readonly agent?: Agent }> {
  const proxy = said ?? environmentProxy(server, env);
  return proxy === undefined ? {} : { agent: await proxyAgent(proxy, server) };
}

/** The agent for a proxy of scheme `http` or `https` (by CONNECT), `socks5` or `socks5h`. */
async function proxyAgent(proxy: string, server: string): Promise<Agent> {
  if (proxy.startsWith('socks')) {
    const { SocksProxyAgent } = await import('socks-proxy-agent');
    return new SocksProxyAgent(proxy);
  }
  const { connectAgent } = await import('./connect-agent.ts');
  return connectAgent(proxy, server);
}

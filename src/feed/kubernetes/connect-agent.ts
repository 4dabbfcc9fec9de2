import type { Agent, ClientRequestArgs } from 'node:http';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { HttpProxyAgent, HttpsProxyAgent } from 'hpagent';

type Done = (error: Error | null, socket: Duplex) => void;

/**
 * Reaches `server` by the HTTP proxy at a URL of scheme `http` or `https` (CONNECT, RFC 9110 section 9.3.6). The library
 * knows no IPv6: it asks for `::1:6443` where `[::1]:6443` is meant, and looks up a proxy at `[::1]` as if it were a name.
 */
export function connectAgent(url: string, server: string): Agent {
  const proxy = bareUrl(url);
  return server.startsWith('https:') ? new SecureAgent({ proxy }) : new PlainAgent({ proxy });
}

/** An IPv6 address has no brackets in it, as connect(2) wants it. */
function bareUrl(text: string): URL {
  const url = new URL(text);
  return Object.defineProperty(url, 'hostname', { value: url.hostname.replace(/^\[(.*)\]$/, '$1') });
}

class PlainAgent extends HttpProxyAgent {
  override createConnection(options: ClientRequestArgs, done?: Done) {
    return super.createConnection({ ...options, host: bracketed(options.host) }, done);
  }
}

/** The certificate is still compared with the address as it is. */
class SecureAgent extends HttpsProxyAgent {
  override createConnection(options: RequestOptions, done?: Done) {
    const { host, servername, checkServerIdentity: check = checkServerIdentity } = options;
    const identity = (_: string, certificate: PeerCertificate) => check(servername || host || '', certificate);
    return super.createConnection({ ...options, host: bracketed(host), checkServerIdentity: identity }, done);
  }
}

function bracketed(host: string | null | undefined): string {
  return isIPv6(host ?? '') ? `[${host}]` : (host ?? '');
}

/**
 * `bare-relay.ts (tcp|udp)/VIP:PORT/HOST:PORT,… …`: pipes connections and datagrams to the places in turn. It lacks all
 * that a proxy needs (limits, timeouts, retries, counters, ends of sessions); it is the floor that Node itself sets.
 */
import { createSocket, type Socket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import type { Place } from './ready.ts';

function place(text: string): Place {
  const [host = '', port = ''] = text.split(':');
  return { host, port: Number(port) };
}

function inTurn(places: readonly Place[]): () => Place {
  let turn = 0;
  return () => places[turn++ % places.length] ?? { host: '', port: 0 };
}

function relayTcp(vip: Place, next: () => Place): void {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    const upstream = connect({ ...next(), allowHalfOpen: true, noDelay: true, autoSelectFamily: false });
    upstream.once('connect', () => {
      client.pipe(upstream);
      upstream.pipe(client);
    });
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    client.on('error', end);
    upstream.on('error', end);
  });
  server.listen({ ...vip, backlog: 4096 });
}

function relayUdp(vip: Place, next: () => Place): void {
  const sessions = new Map<string, Socket>();
  const frontend = createSocket('udp4');
  frontend.on('message', (datagram, { address, port }) => {
    const key = `${address}:${port}`;
    const known = sessions.get(key);
    if (known) return known.send(datagram);
    const upstream = createSocket('udp4', (reply) => frontend.send(reply, port, address));
    sessions.set(key, upstream);
    const { host, port: upstreamPort } = next();
    upstream.on('error', () => {});
    upstream.connect(upstreamPort, host, () => upstream.send(datagram));
  });
  frontend.bind(vip.port, vip.host);
}

for (const relay of process.argv.slice(2)) {
  const [protocol, vip = '', places = ''] = relay.split('/');
  (protocol === 'udp' ? relayUdp : relayTcp)(place(vip), inTurn(places.split(',').map(place)));
}

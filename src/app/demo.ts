import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { errorCode, UserError } from '../base/errors.ts';
import { http } from '../base/http.ts';
import type { ProcessConfig } from '../config/load.ts';
import { formatAddressPort } from '../model/address.ts';
import type { Protocol } from '../model/keys.ts';

interface Place {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
}

/** Stands in for the pods of a configuration: HTTP servers that say who they are, and UDP echoes that do too. */
export class DemoBackends {
  /** Resolves when all listen. Rejects with a `UserError` if an address is not this host's, or a port is taken. */
  async open({ inline }: ProcessConfig): Promise<void> {
    const places = inline.slices.flatMap(({ ports, endpoints }) =>
      ports.flatMap(({ protocol, port }) => endpoints.map(({ address }): Place => ({ protocol, address, port }))),
    );
    // Services may share a backend.
    const all = new Map(
      places.map((place) => [`${place.protocol} ${formatAddressPort(place.address, place.port)}`, place]),
    );
    await Promise.all(Array.from(all.values(), openBackend));
  }
}

async function openBackend(place: Place): Promise<void> {
  try {
    await (place.protocol === 'TCP' ? openHttp(place) : openEcho(place));
  } catch (error) {
    throw new UserError([{ code: 'DEMO_BACKEND', message: whyNot(errorCode(error), place) }]);
  }
}

function whyNot(code: string, { protocol, address, port }: Place): string {
  const what = `the demo cannot stand in for the backend ${formatAddressPort(address, port)}/${protocol} (${code})`;
  if (code === 'EADDRINUSE')
    return `${what}: another program has this port, perhaps another demo or the backend itself: stop it, or use sluice run`;
  if (code === 'EADDRNOTAVAIL')
    return `${what}: ${address} is not an address of this host: name one that is, such as 127.17.0.3, or use sluice run`;
  return what;
}

async function openHttp({ address, port }: Place): Promise<void> {
  const name = formatAddressPort(address, port);
  const server = http.createServer((_request, response) => response.end(`hello from ${name}\n`));
  server.listen(port, address);
  await once(server, 'listening');
  server.unref();
}

async function openEcho({ address, port }: Place): Promise<void> {
  const name = formatAddressPort(address, port);
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (message, from) => socket.send(`${name} echoes: ${message}`, from.port, from.address));
  socket.bind(port, address);
  await once(socket, 'listening');
  socket.unref();
}

/** Every VIP:PORT of the configuration. */
function frontends({ inline }: ProcessConfig): Place[] {
  return inline.services.flatMap(({ vips, ports }) =>
    vips.flatMap((address) => ports.map(({ protocol, port }): Place => ({ protocol, address, port }))),
  );
}

function url({ address, port }: Place): string {
  return `http://${formatAddressPort(address, port)}/`;
}

/** What a person can type to see sluice at work. */
export function whatToTry(config: ProcessConfig, configFile: string): string {
  const all = frontends(config);
  const tcp = all.filter(({ protocol }) => protocol === 'TCP').map((place) => `  curl ${url(place)}`);
  const udp = all
    .filter(({ protocol }) => protocol === 'UDP')
    .map(({ address, port }) => `  echo ping | nc -u -w1 ${address} ${port}`);
  const { listen } = config.admin;
  const admin =
    listen.kind === 'tcp' ? [`  curl http://${formatAddressPort(listen.address, listen.port)}/services`] : [];
  return [
    `sluice runs ${configFile}, with demo backends inside.`,
    '',
    'In another terminal, try (again and again: the backends take turns):',
    ...tcp,
    ...udp,
    ...admin,
    '',
    'Edit the file while it runs: it is read again at once. Ctrl-C ends.',
    '',
    '',
  ].join('\n');
}

const requestsShown = 4;

/** Asks the first TCP frontend a few times and says who answered. */
export async function showTurn(config: ProcessConfig): Promise<string> {
  const [place] = frontends(config).filter(({ protocol }) => protocol === 'TCP');
  if (place === undefined) return '';
  const lines = [`The turn, seen from ${url(place)}:`];
  for (let count = 1; count <= requestsShown; count += 1) lines.push(`  ${count}. ${await ask(url(place))}`);
  return `${lines.join('\n')}\n\n`;
}

async function ask(address: string): Promise<string> {
  try {
    const [response] = await once(http.get(address, { agent: false }), 'response');
    let text = '';
    for await (const chunk of response) text += chunk;
    return text.trim();
  } catch (error) {
    return `no answer: ${errorCode(error)}`;
  }
}

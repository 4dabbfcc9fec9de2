import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface Patience {
  /** Give up after this long. */
  readonly withinMs: number;
  /** Between two tries. */
  readonly everyMs: number;
  /** Says why there is no point in waiting any longer, e.g. that the process has ended. */
  readonly hopeless: () => string | undefined;
}

/** Resolves when the place accepts a TCP connection. */
export function accepting(place: Place, patience: Patience): Promise<void> {
  return until(`${place.host}:${place.port} accepts`, () => accepts(place), patience);
}

/** Resolves when the place answers a datagram with a datagram. */
export function answering(place: Place, patience: Patience): Promise<void> {
  return until(`${place.host}:${place.port} answers`, () => answers(place), patience);
}

async function until(what: string, test: () => Promise<boolean>, patience: Patience): Promise<void> {
  const deadline = performance.now() + patience.withinMs;
  while (!(await test())) {
    const why =
      patience.hopeless() ?? (performance.now() > deadline ? `not within ${patience.withinMs} ms` : undefined);
    if (why !== undefined) throw new Error(`${what}: ${why}`);
    await delay(patience.everyMs);
  }
}

function accepts({ host, port }: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const say = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => say(true)).on('error', () => say(false));
  });
}

function answers({ host, port }: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const say = (yes: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(yes);
    };
    const timer = setTimeout(() => say(false), 100);
    socket.once('message', () => say(true)).once('error', () => say(false));
    socket.connect(port, host, () => socket.send('ready?', () => {}));
  });
}

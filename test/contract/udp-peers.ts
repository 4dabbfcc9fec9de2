import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { until } from '../support/until.ts';

export async function bound(address: string, port = 0): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind({ address, port, exclusive: true });
  await once(socket, 'listening');
  return socket;
}

/** A port of `address` that nobody has now. */
export async function freePort(address: string): Promise<number> {
  const socket = await bound(address);
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

interface Received {
  readonly message: Buffer;
  readonly from: RemoteInfo;
}

/** A socket that remembers what it got. */
export class Peer {
  readonly socket: Socket;
  readonly received: Received[] = [];
  readonly port: number;
  #closed = false;

  static async at(address: string, port = 0): Promise<Peer> {
    return new Peer(await bound(address, port));
  }

  constructor(socket: Socket) {
    this.socket = socket;
    this.port = socket.address().port;
    socket.setRecvBufferSize(1024 * 1024);
    socket.on('message', (message, from) => this.received.push({ message, from }));
  }

  get texts(): string[] {
    return this.received.map(({ message }) => message.toString());
  }

  send(message: Buffer | string, port: number, address: string): void {
    this.socket.send(message, port, address);
  }

  /** Answers the last datagram that came. */
  answer(message: Buffer | string): void {
    const last = this.received.at(-1);
    if (last === undefined) throw new Error('nothing to answer');
    this.send(message, last.from.port, last.from.address);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.socket.close();
    await once(this.socket, 'close');
  }
}

/** An endpoint that sends back what it gets, with its name in front if it has one, while `echo` is on. */
export class Echo extends Peer {
  echo = true;

  static async named(name: string, address: string, port = 0): Promise<Echo> {
    return new Echo(await bound(address, port), name);
  }

  constructor(socket: Socket, name: string) {
    super(socket);
    socket.on('message', (message, from) => {
      if (!this.echo) return;
      const reply = name === '' ? message : Buffer.concat([Buffer.from(`${name}:`), message]);
      socket.send(reply, from.port, from.address);
    });
  }
}

/** A client of one VIP:PORT. */
export class Client extends Peer {
  #vip = { address: '', port: 0 };

  static async of(vip: { address: string; port: number }, address: string): Promise<Client> {
    const client = new Client(await bound(address));
    client.#vip = vip;
    return client;
  }

  say(message: Buffer | string): void {
    this.send(message, this.#vip.port, this.#vip.address);
  }

  /** Sends, and waits for one more datagram than there were. */
  async ask(message: Buffer | string): Promise<Buffer> {
    const before = this.received.length;
    this.say(message);
    await until(() => this.received.length > before, `${message.length} bytes are answered`);
    return this.received[before]?.message ?? Buffer.alloc(0);
  }
}

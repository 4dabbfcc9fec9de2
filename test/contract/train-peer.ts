import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** One line in is one train out; `-` for the place answers who has sent the next datagram. It says its port, and what it has done. */
const program = `
import socket, struct, sys
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.bind((sys.argv[1], 0))
print(peer.getsockname()[1], flush=True)
for line in sys.stdin:
    host, port, size, data = line.split(' ')
    to = peer.recvfrom(65536)[1] if host == '-' else (host, int(port))
    UDP_SEGMENT = 103
    peer.sendmsg([bytes.fromhex(data)], [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack('H', int(size)))], 0, to)
    print('sent', flush=True)
`;

/** Python is not for sanitizers. */
const { LD_PRELOAD: _, ...env } = process.env;

/** Why there can be none here, or `false`. */
export function trainsAreMissing(): string | false {
  const isThere = spawnSync('python3', ['--version'], { env }).status === 0;
  return isThere || process.env.CI !== undefined ? false : 'python3 is missing';
}

/** The datagrams of a train: all have `size` bytes, the last may have fewer. */
export function cut(train: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(train.length / size) }, (_, index) =>
    train.subarray(index * size, (index + 1) * size),
  );
}

/** A socket that sends datagrams as one (UDP_SEGMENT, udp(7)), which node:dgram cannot. */
export class TrainPeer {
  readonly port: number;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  static async at(address: string): Promise<TrainPeer> {
    const child = spawn('python3', ['-IS', '-c', program, address], { env });
    child.stderr.pipe(process.stderr);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    return new TrainPeer(child, lines, Number((await lines.next()).value));
  }

  private constructor(child: ChildProcessWithoutNullStreams, lines: AsyncIterator<string>, port: number) {
    this.#child = child;
    this.#lines = lines;
    this.port = port;
  }

  /** Sends `train` as datagrams of `size` bytes. */
  send(to: { address: string; port: number }, train: Buffer, size: number): Promise<void> {
    return this.#do(`${to.address} ${to.port} ${size} ${train.toString('hex')}`);
  }

  /** Waits for a datagram, and sends `train` to where it came from. */
  answer(train: Buffer, size: number): Promise<void> {
    return this.#do(`- 0 ${size} ${train.toString('hex')}`);
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await once(this.#child, 'close');
  }

  async #do(line: string): Promise<void> {
    this.#child.stdin.write(`${line}\n`);
    const { value } = await this.#lines.next();
    if (value !== 'sent') throw new Error(`the train was not sent: ${value}`);
  }
}

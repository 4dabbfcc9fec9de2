import type { Socket } from 'node:dgram';
import { getSystemErrorName } from 'node:util';
import type { DatagramSender, SendFailed } from './datagram-sender.ts';
import { sendQueueBytes } from './datagram-sender.ts';

/**
 * Sending without the checks, closures and ticks of `socket.send`. This file alone knows something that Node.js does
 * not document: the binding's handle of a dgram socket, and its `send`. What is not as expected here makes
 * `directSender` say `undefined`, and the documented way is used.
 */
interface UdpHandle {
  /** More than 0: sent. 0: waits in the handle, `request` and `list` belong to it. Less: the error of send(2). */
  send(request: object, list: Buffer[], length: 1, hasCallback: false): number;
  send(request: object, list: Buffer[], length: 1, port: number, address: string, hasCallback: false): number;
  getSendQueueSize(): number;
}

type RequestClass = new () => object;

/** The binding's class of requests: it must be the real one, as the handle keeps what has to wait in it. */
let requestClass: RequestClass | undefined;

/** `socket` must be one of `openSocket`, and bound; for the first call of the process, not connected. */
export function directSender(socket: Socket, failed: SendFailed): DatagramSender | undefined {
  const handle = handleOf(socket);
  if (handle === undefined) return undefined;
  requestClass ??= findRequestClass(socket, handle);
  return requestClass === undefined ? undefined : new Direct(handle, requestClass, failed);
}

class Direct implements DatagramSender {
  readonly #handle: UdpHandle;
  readonly #failed: SendFailed;
  readonly #requestClass: RequestClass;
  #request: object;
  #list: Buffer[] = [];
  #waiting = false;

  constructor(handle: UdpHandle, request: RequestClass, failed: SendFailed) {
    this.#handle = handle;
    this.#requestClass = request;
    this.#request = new request();
    this.#failed = failed;
  }

  send(message: Buffer): boolean {
    if (this.#waiting && this.#full()) return false;
    this.#list[0] = message;
    return this.#done(this.#handle.send(this.#request, this.#list, 1, false));
  }

  sendTo(message: Buffer, port: number, address: string): boolean {
    if (this.#waiting && this.#full()) return false;
    this.#list[0] = message;
    return this.#done(this.#handle.send(this.#request, this.#list, 1, port, address, false));
  }

  #done(result: number): boolean {
    if (result > 0) return true;
    if (result < 0) {
      this.#failed(getSystemErrorName(result));
      return false;
    }
    this.#request = new this.#requestClass();
    this.#list = [];
    this.#waiting = true;
    return true;
  }

  #full(): boolean {
    const size = this.#handle.getSendQueueSize();
    this.#waiting = size > 0;
    if (size < sendQueueBytes) return false;
    this.#failed('ENOBUFS');
    return true;
  }
}

/** Has node:dgram send nothing to nobody, and looks at the request that it makes for that. */
function findRequestClass(socket: Socket, handle: UdpHandle): RequestClass | undefined {
  const own = Object.getOwnPropertyDescriptor(handle, 'send');
  let found: RequestClass | undefined;
  handle.send = (request: object) => {
    found = request.constructor.name === 'SendWrap' ? (request.constructor as RequestClass) : undefined;
    return 1;
  };
  try {
    socket.send(Buffer.alloc(0), 9, '127.0.0.1');
  } catch {
    // A connected socket takes no address: another socket will tell.
  } finally {
    Reflect.deleteProperty(handle, 'send');
    if (own !== undefined) Object.defineProperty(handle, 'send', own);
  }
  return found;
}

/** The handle of a socket. For IPv6, node:dgram has put `send6` in the place of `send`. */
function handleOf(socket: Socket): UdpHandle | undefined {
  const key = Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === 'state symbol');
  const state: unknown = key === undefined ? undefined : Reflect.get(socket, key);
  const handle: unknown = typeof state === 'object' && state !== null ? Reflect.get(state, 'handle') : undefined;
  return isUdpHandle(handle) ? handle : undefined;
}

function isUdpHandle(handle: unknown): handle is UdpHandle {
  if (typeof handle !== 'object' || handle === null) return false;
  return ['send', 'getSendQueueSize'].every((name) => typeof Reflect.get(handle, name) === 'function');
}

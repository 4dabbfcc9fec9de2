import { Backoff } from '../base/backoff.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { errorCode } from '../base/errors.ts';
import type { Frontend } from '../model/snapshot.ts';
import type { Listener, ListenSpec, RelayEngine, Router } from '../relay/relay.ts';

/** Whether a frontend is listened on. */
export type BindingState =
  | { readonly kind: 'listening'; readonly listener: Listener }
  /** The first try is under way. */
  | { readonly kind: 'binding' }
  /** It could not be bound and is tried again; `code` is the system error's (`EADDRINUSE`). */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

export interface BindingInit {
  readonly frontend: Frontend;
  /** Where to listen for it; default: at its VIP:PORT. */
  readonly spec?: ListenSpec;
  readonly router: Router;
  readonly engine: RelayEngine;
  readonly clock: Clock;
  readonly onState: (state: BindingState) => void;
}

const firstRetryMs = 250;
const longestRetryMs = 5_000;

/** Gets one VIP:PORT listened on, however long it takes: the port may be taken, the address not there yet. */
export class Binding {
  readonly #init: BindingInit;
  readonly #backoff: Backoff;
  #state: BindingState = { kind: 'binding' };
  #closed = false;
  #retry: Timer | undefined;
  #trying: Promise<void>;

  constructor(init: BindingInit) {
    this.#init = init;
    const random = () => init.clock.random();
    this.#backoff = new Backoff({ initialMs: firstRetryMs, maxMs: longestRetryMs, random });
    this.#trying = this.#try();
  }

  get state(): BindingState {
    return this.#state;
  }

  get listener(): Listener | undefined {
    return this.#state.kind === 'listening' ? this.#state.listener : undefined;
  }

  /** Resolves when the try that is under way has ended, one way or the other. */
  tried(): Promise<void> {
    return this.#trying;
  }

  /** Stops listening, or trying to. What flows remain are the listener's. */
  async stop(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    await this.#trying;
    await this.listener?.stop();
  }

  async #try(): Promise<void> {
    const { engine, router, frontend, spec = frontend, clock } = this.#init;
    try {
      const listener = await engine.listen(spec, router);
      this.#become({ kind: 'listening', listener });
    } catch (error) {
      if (this.#closed) return;
      this.#become({ kind: 'failed', code: errorCode(error), message: explain(errorCode(error), frontend, spec) });
      this.#retry = clock.after(this.#backoff.next(), () => {
        this.#trying = this.#try();
      });
    }
  }

  #become(state: BindingState): void {
    const before = this.#state;
    this.#state = state;
    if (this.#closed) return;
    if (
      before.kind !== state.kind ||
      (before.kind === 'failed' && state.kind === 'failed' && before.code !== state.code)
    ) {
      this.#init.onState(state);
    }
  }
}

/** What the operator can do about it. */
function explain(code: string, { key }: Frontend, { address, port }: ListenSpec): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${key}: another program listens on port ${port}; stop it, or find it with: ss -lnptu 'sport = :${port}'`;
    case 'EADDRNOTAVAIL':
      return `${key}: ${address} is on no interface of this host; add it, e.g.: ip addr add ${address} dev lo`;
    case 'EACCES':
      return `${key}: port ${port} needs CAP_NET_BIND_SERVICE, or a lower net.ipv4.ip_unprivileged_port_start`;
    case 'EMFILE':
    case 'ENFILE':
      return `${key}: no file descriptors are left; raise the limit (ulimit -n, LimitNOFILE=)`;
    default:
      return `${key}: ${code} from listen`;
  }
}

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
  /** It could not be bound and is tried again; `code` is the system error's (`EADDRINUSE`), or `VIP_UNPLACED`. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

export interface BindingInit {
  readonly frontend: Frontend;
  /** Where to listen for it; default: at its VIP:PORT. */
  readonly spec?: ListenSpec;
  readonly router: Router;
  readonly engine: RelayEngine;
  readonly clock: Clock;
  readonly onState: (state: BindingState) => void;
  /** The first try waits for it: a listener of ours that was there is being closed. */
  readonly vacated?: Promise<void> | undefined;
}

const firstRetryMs = 250;
const longestRetryMs = 5_000;
/** Whoever has the port may be another sluice that drains and leaves it to us: its clients are refused until we look again. */
const longestRetryInUseMs = 1_000;

/** Gets one VIP:PORT listened on, however long it takes: the port may be taken, the address not there yet. */
export class Binding {
  readonly #init: BindingInit;
  readonly #backoff: Backoff;
  /** How to listen, from the next try on: what listens already stays. */
  spec: ListenSpec;
  #state: BindingState = { kind: 'binding' };
  #closed = false;
  #retry: Timer | undefined;
  #trying: Promise<void>;

  constructor(init: BindingInit) {
    this.#init = init;
    this.spec = init.spec ?? init.frontend;
    const random = () => init.clock.random();
    this.#backoff = new Backoff({ initialMs: firstRetryMs, maxMs: longestRetryMs, random });
    this.#trying = init.vacated === undefined ? this.#try() : init.vacated.then(() => this.#try());
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
    if (this.#closed) return;
    const { spec } = this;
    const { engine, router, frontend, clock } = this.#init;
    try {
      const listener = await engine.listen(spec, router);
      this.#become({ kind: 'listening', listener });
    } catch (error) {
      if (this.#closed) return;
      const code = errorCode(error);
      this.#become({ kind: 'failed', code, message: explain(code, frontend, spec) });
      const longestMs = code === 'EADDRINUSE' ? longestRetryInUseMs : longestRetryMs;
      this.#retry = clock.after(Math.min(this.#backoff.next(), longestMs), () => {
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
function explain(code: string, frontend: Frontend, { address, port }: ListenSpec): string {
  const { key } = frontend;
  switch (code) {
    case 'EADDRINUSE':
      return `${key}: another program listens on port ${port}; stop it, or find it with: ss -lnptu 'sport = :${port}'`;
    case 'EADDRNOTAVAIL':
      if (address !== frontend.address)
        return `${key}: ${address}, where vip.mode has it listened on, is on no interface of this host; /readyz says what is in its way`;
      return `${key}: ${address} is on no interface of this host; add it (ip addr add ${address} dev lo), let sluice do so (vip.mode: assign; /readyz says what is in its way), or listen without it (vip.listen.freeBind)`;
    case 'EACCES':
      return `${key}: port ${port} needs CAP_NET_BIND_SERVICE, or a lower net.ipv4.ip_unprivileged_port_start`;
    case 'EPERM':
      return `${key}: to listen for it as vip.mode has it needs CAP_NET_ADMIN; see sluice doctor`;
    case 'EMFILE':
    case 'ENFILE':
      return `${key}: no file descriptors are left; raise the limit (ulimit -n, LimitNOFILE=)`;
    default:
      return `${key}: ${code} from listen`;
  }
}

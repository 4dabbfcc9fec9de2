import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { type FrontendKey, frontendKey, type Protocol } from '../model/keys.ts';
import type { Frontend, Snapshot } from '../model/snapshot.ts';
import type { Target } from '../model/target.ts';
import type { Observer } from '../relay/observer.ts';
import type { Listener, ListenSpec, RelayEngine } from '../relay/relay.ts';
import type { Balancers } from './balancers.ts';
import type { BindingState } from './binding.ts';
import { Binding } from './binding.ts';
import type { FlowLoad } from './flow-load.ts';
import { FrontendRouter, type RouteExplanation } from './router.ts';

export interface FrontendsInit {
  readonly engine: RelayEngine;
  readonly balancers: Balancers;
  readonly load: FlowLoad;
  readonly observer: Observer;
  readonly clock: Clock;
  /** A frontend is listened on now, or cannot be. */
  readonly onBinding: (frontend: Frontend, state: BindingState) => void;
  /**
   * Where a frontend is listened on, if not at its VIP:PORT itself; `undefined`: nowhere. Frontends with the same place
   * share its listener: they must be of the same service port and treated alike.
   */
  readonly bindTo?: (frontend: Frontend) => ListenSpec | undefined;
}

export interface FrontendListener {
  readonly protocol: Protocol;
  /** The one that its flows are said to come by. */
  readonly frontend: Frontend;
  readonly listener: Listener;
}

/** How a frontend is bound, and how many flows its listener has now. */
export interface FrontendStatus {
  readonly frontend: Frontend;
  readonly state: BindingState;
  readonly active: number;
}

/** The same, with what would become of a client's flow. */
export interface RouteOfFrontend extends FrontendStatus {
  readonly route: RouteExplanation;
}

const mostLastTurns = 16;

/** One listener's place, and the frontends that it serves. */
interface Wanted {
  readonly spec: ListenSpec;
  readonly frontends: [Frontend, ...Frontend[]];
}

interface Place {
  /** The first of `frontends`: the one that its flows are said to come by. */
  frontend: Frontend;
  frontends: readonly Frontend[];
  readonly router: FrontendRouter;
  readonly binding: Binding;
}

/** Makes listeners be what the snapshot says, and nothing else. Level-triggered: a snapshot twice changes nothing. */
export class Frontends {
  readonly #init: FrontendsInit;
  /** By where they listen. */
  readonly #places = new Map<FrontendKey, Place>();
  /** Those that are to be listened on nowhere. */
  #unplaced: readonly Frontend[] = [];
  /** Listeners of removed frontends, as long as flows remain. */
  readonly #leaving = new Set<FrontendListener>();
  /** Listeners that are being closed, by where they listen: nobody else can before. */
  readonly #closing = new Map<FrontendKey, Promise<void>>();
  /** When targets left, on the monotonic clock; the last time, for those that came back. */
  readonly #removedAt = new WeakMap<Target, number>();

  constructor(init: FrontendsInit) {
    this.#init = init;
  }

  /**
   * Closes the listeners that are gone, opens new ones and leaves all others alone: a change of endpoints or policy
   * never closes a listener. Established TCP connections outlive every change, for `endpointDrainTimeout`; the UDP
   * sessions of removed endpoints end at once, and their client's next datagram goes to another endpoint.
   */
  reconcile(snapshot: Snapshot): void {
    const wanted = this.#wanted(snapshot);
    for (const [key, place] of this.#places) {
      if (wanted.has(key)) continue;
      this.#places.delete(key);
      this.#vacate(key, this.#remove(place));
    }
    this.#forgetLeft();
    const now = this.#init.clock.now();
    for (const target of this.#init.balancers.sync(snapshot)) this.#removedAt.set(target, now);
    for (const [key, { spec, frontends }] of wanted) {
      const [frontend] = frontends;
      const place = this.#places.get(key);
      if (place === undefined) this.#add(key, spec, frontends);
      else {
        place.frontends = frontends;
        place.binding.spec = spec;
        if (place.frontend !== frontend) this.#update(place, frontend);
      }
    }
  }

  #wanted(snapshot: Snapshot): ReadonlyMap<FrontendKey, Wanted> {
    const { bindTo = (frontend: Frontend): ListenSpec => frontend } = this.#init;
    const wanted = new Map<FrontendKey, Wanted>();
    const unplaced: Frontend[] = [];
    for (const frontend of snapshot.frontends.values()) {
      const spec = bindTo(frontend);
      if (spec === undefined) {
        unplaced.push(frontend);
        continue;
      }
      const key = spec === frontend ? frontend.key : frontendKey(spec.protocol, spec.address, spec.port);
      const shared = wanted.get(key);
      if (shared === undefined) wanted.set(key, { spec, frontends: [frontend] });
      else shared.frontends.push(frontend);
    }
    this.#unplaced = unplaced;
    return wanted;
  }

  /** Resolves when every frontend has been tried at least once. */
  async tried(): Promise<void> {
    await Promise.all(Array.from(this.#places.values(), ({ binding }) => binding.tried()));
  }

  *states(): Iterable<FrontendStatus> {
    for (const { frontends, binding } of this.#places.values()) {
      const { state, listener } = binding;
      for (const frontend of frontends) yield { frontend, state, active: listener?.size ?? 0 };
    }
    for (const frontend of this.#unplaced) yield { frontend, state: unplacedState(frontend), active: 0 };
  }

  /**
   * What would become of a flow of `client` to the frontend `key`, or to the place `key` where one is listened on;
   * `undefined`: there is no such frontend.
   */
  explain(client: string, key: FrontendKey): RouteOfFrontend | undefined {
    const isMeant = (frontend: Frontend) => frontend.key === key;
    const named = [...this.#places.values()].find(({ frontends }) => frontends.some(isMeant));
    const place = named ?? this.#places.get(key);
    if (place === undefined) return undefined;
    const route = place.router.explain(client);
    const frontend = place.frontends.find(isMeant) ?? place.frontend;
    return { frontend, state: place.binding.state, active: route.active, route };
  }

  /** Every listener that there is, those of removed frontends included. */
  *listeners(): Iterable<FrontendListener> {
    for (const { frontend, binding } of this.#places.values()) {
      if (binding.listener) yield { protocol: frontend.protocol, frontend, listener: binding.listener };
    }
    this.#forgetLeft();
    yield* this.#leaving;
  }

  #forgetLeft(): void {
    for (const leaving of this.#leaving) if (leaving.listener.size === 0) this.#leaving.delete(leaving);
  }

  /** Closes the TCP listeners; UDP ones have no other way to their sessions and stay until `close`. */
  async stopAccepting(): Promise<void> {
    const tcp = Array.from(this.#places.values()).filter(({ frontend }) => frontend.protocol === 'TCP');
    await Promise.all(tcp.map(({ binding }) => binding.stop()));
  }

  /** Ends everything now. Resolves when the observer has been told of every flow's end. */
  async close(): Promise<void> {
    for (const { listener } of this.listeners()) listener.cut(() => true, 'shutdown');
    await Promise.all(Array.from(this.#places.values(), ({ binding }) => binding.stop()));
    // A socket says that it is closed in the next turn of the event loop; one that does not is not waited for.
    for (let turn = 0; turn < mostLastTurns && this.#hasFlows(); turn += 1) await nextTurn();
  }

  #hasFlows(): boolean {
    return Array.from(this.listeners()).some(({ listener }) => listener.size > 0);
  }

  #add(key: FrontendKey, spec: ListenSpec, frontends: Wanted['frontends']): void {
    const [frontend] = frontends;
    const { engine, balancers, load, observer, clock, onBinding } = this.#init;
    const balancer = balancers.of(frontend.servicePort);
    const router = new FrontendRouter({ frontend, balancer, load, observer, clock });
    const onState = (state: BindingState) => onBinding(place.frontend, state);
    const binding = new Binding({ frontend, spec, router, engine, clock, onState, vacated: this.#closing.get(key) });
    const place: Place = { frontend, frontends, router, binding };
    this.#places.set(key, place);
  }

  /** Who comes back to `key` in the meantime waits until it is `vacated`. */
  #vacate(key: FrontendKey, vacated: Promise<void>): void {
    this.#closing.set(key, vacated);
    void vacated.then(() => {
      if (this.#closing.get(key) === vacated) this.#closing.delete(key);
    });
  }

  #update(place: Place, frontend: Frontend): void {
    const moved = place.frontend.servicePort.key !== frontend.servicePort.key;
    place.frontend = frontend;
    place.router.update(frontend, this.#init.balancers.of(frontend.servicePort));
    const { listener } = place.binding;
    if (listener === undefined) return;
    // The VIP:PORT is another service's now: a UDP client is, too, from its next datagram on.
    if (moved && frontend.protocol === 'UDP') listener.cut(() => true, 'frontend-removed');
    else this.#cutRemoved(listener, frontend);
  }

  #cutRemoved(listener: Listener, { protocol, servicePort }: Frontend): void {
    if (protocol === 'UDP') {
      listener.cut((target) => target !== undefined && !isAnswering(target), 'endpoint-removed');
    } else if (listener.size > 0) {
      this.#after(servicePort.settings.endpointDrainTimeoutMs, this.#cutAbsent(listener));
    }
  }

  /** Cuts the flows of the targets that are gone now, unless they come back: those that leave later have their own time. */
  #cutAbsent(listener: Listener): () => void {
    const now = this.#init.clock.now();
    const isMeant = (target: Target) => !target.present && (this.#removedAt.get(target) ?? now) <= now;
    return () => listener.cut((target) => target !== undefined && isMeant(target), 'endpoint-removed');
  }

  async #remove({ frontend, binding }: Place): Promise<void> {
    const { listener } = binding;
    if (listener === undefined) return binding.stop();
    this.#leaving.add({ protocol: frontend.protocol, frontend, listener });
    if (frontend.protocol === 'UDP') listener.cut(() => true, 'frontend-removed');
    else {
      const afterMs = frontend.servicePort.settings.endpointDrainTimeoutMs;
      this.#after(afterMs, () => listener.cut(() => true, 'frontend-removed'));
    }
    await binding.stop();
  }

  #after(delayMs: number, task: () => void): void {
    if (delayMs === Number.POSITIVE_INFINITY) return;
    if (delayMs === 0) task();
    else this.#init.clock.after(delayMs, task);
  }
}

/** Ready ones keep their sessions though they do not serve: that is what `publishNotReadyAddresses` asks for. */
function isAnswering({ present, endpoint: { ready, serving } }: Target): boolean {
  return present && (ready || serving);
}

function unplacedState({ key }: Frontend): BindingState {
  const message = `${key}: this host has no place for it with the present vip.mode; /readyz says why`;
  return { kind: 'failed', code: 'VIP_UNPLACED', message };
}

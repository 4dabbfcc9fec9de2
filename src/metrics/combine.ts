import type { Observer } from '../relay/observer.ts';

/**
 * One observer that tells several. Each may listen to a part only: a method that nobody, or only one, listens to costs
 * nothing beyond its own call.
 */
export function combine(observers: readonly Partial<Observer>[]): Observer {
  return {
    get namesClients() {
      return observers.some((observer) => observer.namesClients === true);
    },
    flowOpened: fan(observers, 'flowOpened'),
    flowConnected: fan(observers, 'flowConnected'),
    connectFailed: fan(observers, 'connectFailed'),
    flowClosed: fan(observers, 'flowClosed'),
    datagramDropped: fan(observers, 'datagramDropped'),
    acceptFailed: fan(observers, 'acceptFailed'),
  };
}

type Told = Exclude<keyof Observer, 'namesClients'>;
type Listener<K extends Told> = (...args: Parameters<Observer[K]>) => void;

function fan<K extends Told>(observers: readonly Partial<Observer>[], method: K): Listener<K> {
  const listeners = observers.flatMap((observer) => {
    const listener = observer[method] as Listener<K> | undefined;
    return listener === undefined ? [] : [listener.bind(observer) as Listener<K>];
  });
  const [only] = listeners;
  if (only === undefined) return () => {};
  if (listeners.length === 1) return only;
  return (...args) => {
    for (const listener of listeners) listener(...args);
  };
}

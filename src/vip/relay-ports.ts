/** Ports of the relay addresses: below the ephemeral ones (ip(7) `ip_local_port_range`, 32768), above the usual servers. */
export const firstRelayPort = 10_000;
export const lastRelayPort = 29_999;
const count = lastRelayPort - firstRelayPort + 1;

/**
 * Gives each listener a port of a relay address, and keeps it for as long as the listener is asked for. Where a search
 * begins is made of the listener's name, so that nearly all have the same port in the next run: that run finds the
 * redirections of a crashed one in place.
 */
export class RelayPorts {
  #ports: ReadonlyMap<string, number> = new Map();

  /** A port for each of `names`; those for whom none is left are missing. `spaceOf`: names of different spaces may share. */
  assign(names: Iterable<string>, spaceOf: (name: string) => string): ReadonlyMap<string, number> {
    const ports = new Map<string, number>();
    const spaces = new Map<string, Set<number>>();
    const takenBeside = (name: string): Set<number> => {
      const taken = spaces.get(spaceOf(name)) ?? new Set();
      spaces.set(spaceOf(name), taken);
      return taken;
    };
    const take = (name: string, port: number | undefined) => {
      if (port === undefined) return;
      ports.set(name, port);
      takenBeside(name).add(port);
    };
    const all = [...new Set(names)];
    for (const name of all) take(name, this.#ports.get(name));
    for (const name of all) if (!ports.has(name)) take(name, freePort(name, takenBeside(name)));
    this.#ports = ports;
    return ports;
  }
}

function freePort(name: string, taken: ReadonlySet<number>): number | undefined {
  if (taken.size === count) return undefined;
  const start = fnv1a(name) % count;
  for (let step = 0; step < count; step += 1) {
    const port = firstRelayPort + ((start + step) % count);
    if (!taken.has(port)) return port;
  }
  return undefined;
}

/** FNV-1a, 32 bits (RFC 9923). */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

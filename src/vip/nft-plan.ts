import { familyOf } from '../model/address.ts';
import type { Redirect, Redirection } from './host.ts';
import { family, frameOf, type MapName, mapNames, type NftObject, tableName } from './nft-frame.ts';

/** The elements of one map: `10.96.0.1 . tcp . 80` → the relay's port. */
export type Elements = ReadonlyMap<string, number>;

/** The table `inet sluice` as it is on a host. */
export interface ActualTable {
  /** What identifies everything but elements, sorted (`identify`). */
  readonly frame: readonly string[];
  readonly elements: ReadonlyMap<string, Elements>;
}

/** The changes as commands of libnftables-json(5), to be made in one transaction; none if nothing differs. */
export interface NftPlan {
  readonly commands: readonly NftObject[];
  /** The UDP destinations whose relay port is another than before: connection tracking remembers the old one. */
  readonly movedUdp: readonly { readonly address: string; readonly port: number }[];
}

const table: NftObject = { table: { family, name: tableName } };

/** The name, type and place of an object; for a rule its chain, its position and its comment. */
export function identify(objects: readonly NftObject[]): string[] {
  const positions = new Map<string, number>();
  const words = objects.map((object) => {
    const [[kind, value] = ['', {}]] = Object.entries(object) as [string, Readonly<Record<string, unknown>>][];
    if (kind === 'rule') {
      const position = positions.get(String(value.chain)) ?? 0;
      positions.set(String(value.chain), position + 1);
      return `rule ${value.chain} ${position} ${value.comment}`;
    }
    const details = [value.type, value.map, value.hook, value.prio, value.policy].filter((word) => word !== undefined);
    return [kind, value.name, ...details].join(' ');
  });
  return words.sort();
}

/**
 * What makes the table be as `desired`; `undefined`: there is to be none. If its frame differs, or is not there, the
 * table is made anew, else only elements come and go: traffic sees the old table or the new one.
 */
export function planNft(desired: Redirect | undefined, actual: ActualTable | undefined): NftPlan {
  if (desired === undefined) return removal(actual);
  const frame = frameOf(desired);
  const isFramed = actual !== undefined && actual.frame.join('\n') === identify(frame).join('\n');
  const wanted = elementsOf(desired.redirections.values());
  const changes = mapNames.map((name) => differ(name, wanted.get(name), actual?.elements.get(name)));
  const movedUdp = changes.flatMap(({ gone, come }) => [...gone, ...come]).flatMap(udpDestination);
  if (isFramed) return { commands: changes.flatMap(commandsOf), movedUdp };
  const fresh = mapNames.map((name) => differ(name, wanted.get(name), undefined));
  // Adding what may be there, deleting it and adding it again works whether it was there or not.
  const anew = [{ add: table }, { delete: table }, { add: table }, ...frame.map((object) => ({ add: object }))];
  return { commands: [...anew, ...fresh.flatMap(commandsOf)], movedUdp };
}

/** Whoever was redirected is not any more. */
function removal(actual: ActualTable | undefined): NftPlan {
  if (actual === undefined) return { commands: [], movedUdp: [] };
  const keys = [...actual.elements.values()].flatMap((elements) => [...elements.keys()]);
  return { commands: [{ delete: table }], movedUdp: keys.flatMap(udpDestination) };
}

/** The table that a host has when it was made `redirect`. */
export function tableOf(redirect: Redirect): ActualTable {
  return { frame: identify(frameOf(redirect)), elements: elementsOf(redirect.redirections.values()) };
}

const none: Elements = new Map();

function elementsOf(redirections: Iterable<Redirection>): ReadonlyMap<MapName, Elements> {
  const maps = new Map(mapNames.map((name) => [name, new Map<string, number>()]));
  for (const { protocol, address, port, reach, to } of redirections) {
    const name: MapName = `${reach === 'inside' ? 'inside' : 'open'}${familyOf(address) === 'IPv6' ? '6' : '4'}`;
    maps.get(name)?.set(`${address} . ${protocol.toLowerCase()} . ${port}`, to);
  }
  return maps;
}

interface Difference {
  readonly name: MapName;
  readonly gone: readonly string[];
  readonly come: readonly string[];
  readonly wanted: Elements;
}

/** An element whose value changes both goes and comes. */
function differ(name: MapName, wanted: Elements = none, actual: Elements = none): Difference {
  return {
    name,
    wanted,
    gone: [...actual.keys()].filter((key) => wanted.get(key) !== actual.get(key)),
    come: [...wanted.keys()].filter((key) => wanted.get(key) !== actual.get(key)),
  };
}

function commandsOf({ name, gone, come, wanted }: Difference): NftObject[] {
  const element = (elem: readonly unknown[]) => ({ element: { family, table: tableName, name, elem } });
  const added = come.map((key) => [concatOf(key), wanted.get(key)]);
  return [
    ...(gone.length > 0 ? [{ delete: element(gone.map(concatOf)) }] : []),
    ...(come.length > 0 ? [{ add: element(added) }] : []),
  ];
}

function concatOf(key: string): NftObject {
  const [address, protocol, port] = key.split(' . ');
  return { concat: [address, protocol, Number(port)] };
}

function udpDestination(key: string) {
  const [address = '', protocol, port] = key.split(' . ');
  return protocol === 'udp' ? [{ address, port: Number(port) }] : [];
}

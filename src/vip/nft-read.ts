import { z } from 'zod';
import { parseIp } from '../model/address.ts';
import type { NftObject } from './nft-frame.ts';
import { type ActualTable, type Elements, identify } from './nft-plan.ts';

const listSchema = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });
const elementSchema = z.tuple([
  z.object({ concat: z.tuple([z.string(), z.union([z.string(), z.number()]), z.number()]) }),
  z.number(),
]);
const mapSchema = z.object({ name: z.string(), elem: z.array(z.unknown()).optional() });

/** Reads what `nft -j list table inet sluice` says. Elements in a form that is not sluice's make the frame another. */
export function readTable(json: string): ActualTable {
  const objects = listSchema.parse(JSON.parse(json)).nftables.filter((one) => !('metainfo' in one || 'table' in one));
  const strange: NftObject[] = [];
  const elements = new Map<string, Elements>();
  for (const { map } of objects) {
    if (map === undefined) continue;
    const { name, elem = [] } = mapSchema.parse(map);
    const read = elem.map(readElement);
    if (read.includes(undefined)) strange.push({ strange: { name } });
    elements.set(name, new Map(read.filter((element) => element !== undefined)));
  }
  return { frame: identify([...objects, ...strange]), elements };
}

const protocols: Readonly<Record<string, string>> = { 6: 'tcp', 17: 'udp' };

function readElement(element: unknown): [string, number] | undefined {
  const parsed = elementSchema.safeParse(element);
  if (!parsed.success) return undefined;
  const [{ concat }, to] = parsed.data;
  const [address, protocol, port] = concat;
  return [`${parseIp(address) ?? address} . ${protocols[protocol] ?? protocol} . ${port}`, to];
}

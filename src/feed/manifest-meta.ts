import type { ServiceMeta } from '../model/service.ts';
import type { ServiceManifest } from './manifest-schema.ts';

/** The whole object once more, in JSON: kubectl's own notes, which it does not show either. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** What people want to see of a Service. */
export function metaOf({ metadata, spec }: ServiceManifest): ServiceMeta {
  const { labels, creationTimestamp } = metadata;
  const annotations = textsOf(metadata.annotations ?? {});
  const targetPorts = (spec.ports ?? []).map(({ name, port, protocol, targetPort }) => [
    `${name ?? ''}/${protocol}`,
    String(targetPort ?? port),
  ]);
  return {
    ...(hasKeys(labels) && { labels }),
    ...(hasKeys(annotations) && { annotations }),
    ...(spec.selector && hasKeys(spec.selector) && { selector: spec.selector }),
    ...(spec.type && { type: spec.type }),
    ...(spec.externalName && { externalName: spec.externalName }),
    ...(spec.ipFamilyPolicy && { ipFamilyPolicy: spec.ipFamilyPolicy }),
    ...(creationTimestamp && { createdAt: creationTimestamp }),
    ...(targetPorts.length > 0 && { targetPorts: Object.fromEntries(targetPorts) }),
  };
}

function textsOf(values: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const isShown = (entry: [string, unknown]): entry is [string, string] =>
    typeof entry[1] === 'string' && entry[0] !== lastApplied;
  return Object.fromEntries(Object.entries(values).filter(isShown));
}

function hasKeys(value: object): boolean {
  return Object.keys(value).length > 0;
}

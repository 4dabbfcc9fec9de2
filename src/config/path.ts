/** The way to a value inside a document: keys of maps and indices of lists. */
export type Path = readonly (string | number)[];

/** `services[0].ports[1].port`; keys that are not plain words are quoted: `metadata.annotations["sluice/policy"]`. */
export function formatPath(path: Path): string {
  return path.map(formatSegment).join('').replace(/^\./, '');
}

function formatSegment(segment: string | number): string {
  if (typeof segment === 'number') return `[${segment}]`;
  return /^[\w-]+$/.test(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
}

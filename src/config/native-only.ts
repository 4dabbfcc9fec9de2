import type { Fault } from './issues.ts';
import { formatPath, type Path } from './path.ts';
import type { ProcessInput } from './schema.ts';

/** An option of sockets that the kernel grants to the privileged (socket(7), ip(7)); the addon knows the same names. */
export type PrivilegedOption = 'SO_MARK' | 'IP_TRANSPARENT';

/** A key in use that Node.js alone cannot follow: it has no way to these options of a socket. */
export interface NativeOnly {
  readonly key: string;
  readonly path: Path;
  readonly needs?: PrivilegedOption;
}

export function nativeOnly(input: ProcessInput): readonly NativeOnly[] {
  const { mark, vip, services } = input;
  return [
    ...(mark === 'off' ? [] : [keyAt(['mark'], 'SO_MARK')]),
    ...(vip.mode === 'listen' && vip.listen.freeBind ? [keyAt(['vip', 'listen', 'freeBind'])] : []),
    ...(vip.mode === 'redirect' && vip.redirect.via === 'tproxy'
      ? [keyAt(['vip', 'redirect', 'via'], 'IP_TRANSPARENT')]
      : []),
    ...ofFlows(input, []),
    ...services.flatMap((service, index) => ofFlows(service, ['services', index])),
  ];
}

type OfFlows = Pick<ProcessInput['services'][number], 'tcp' | 'clientAddress'>;

function ofFlows({ tcp = {}, clientAddress }: OfFlows, path: Path): readonly NativeOnly[] {
  const kept = clientAddress === 'keep' ? [keyAt([...path, 'clientAddress'], 'IP_TRANSPARENT')] : [];
  return [...kept, ...ofTcp(tcp, path)];
}

function ofTcp(tcp: { userTimeout?: number; deferAccept?: number }, path: Path): readonly NativeOnly[] {
  const isOn = (key: 'userTimeout' | 'deferAccept') =>
    (tcp[key] ?? Number.POSITIVE_INFINITY) !== Number.POSITIVE_INFINITY;
  return (['userTimeout', 'deferAccept'] as const).filter(isOn).map((key) => keyAt([...path, 'tcp', key]));
}

function keyAt(path: Path, needs?: PrivilegedOption): NativeOnly {
  return { key: formatPath(path), path, ...(needs && { needs }) };
}

/** What `engine: net` and something else that is written contradict each other in. */
export function engineFaults(input: ProcessInput): readonly Fault[] {
  if (input.engine !== 'net') return [];
  return nativeOnly(input).map(({ path }) => {
    const message = 'engine: net cannot do this; use engine: native, or take it out';
    return { code: 'CONFIG_ENGINE', path, message };
  });
}

import type { Problem } from '../base/errors.ts';
import type { ProcessConfig } from '../config/load.ts';
import type { NativeOnly } from '../config/native-only.ts';
import { type Addon, type LoadedAddon, privilegedOptions } from '../relay/native/addon.ts';

/** What the configuration asks for that only the addon can do, and it cannot: it is not there, or this process may not. */
export function unmetBy({ nativeOnly }: Pick<ProcessConfig, 'nativeOnly'>, loaded: LoadedAddon): readonly Problem[] {
  return nativeOnly.flatMap((one): readonly Problem[] => {
    if (loaded.kind === 'absent') return [notLoaded(one, loaded.why)];
    return isRefused(one, loaded.addon) ? [notPermitted(one)] : [];
  });
}

function isRefused({ needs }: NativeOnly, addon: Pick<Addon, 'refusal'>): boolean {
  return needs !== undefined && addon.refusal(privilegedOptions[needs]) !== 0;
}

function notLoaded({ key }: NativeOnly, why: string): Problem {
  const message = `it needs the native engine, which is not there: ${why}; build it with npm run build:native, or take it out`;
  return { code: 'ENGINE_NOT_LOADED', path: key, message };
}

function notPermitted({ key, needs }: NativeOnly): Problem {
  const message = `it needs CAP_NET_ADMIN (for ${needs}): AmbientCapabilities=CAP_NET_ADMIN (systemd), --cap-add NET_ADMIN (containers), or run as root; see sluice doctor`;
  return { code: 'ENGINE_NOT_PERMITTED', path: key, message };
}

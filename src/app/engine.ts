import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { UserError } from '../base/errors.ts';
import type { ProcessConfig } from '../config/load.ts';
import type { DescriptorBudget } from '../relay/descriptors.ts';
import { type Addon, loadAddon } from '../relay/native/addon.ts';
import { NativeEngine } from '../relay/native/engine.ts';
import { NetEngine } from '../relay/net/engine.ts';
import type { RelayEngine } from '../relay/relay.ts';
import type { BufferSizes, UdpInit } from '../relay/udp-shared.ts';
import { descriptorLimit } from './ceiling.ts';
import { unmetBy } from './unmet.ts';

export interface EngineInit {
  readonly config: ProcessConfig;
  readonly clock: Clock;
  readonly descriptors: DescriptorBudget;
  readonly logger: Logger;
}

/**
 * The relay engine that the configuration asks for; `auto`: native where the addon loads and starts, else net. The log says which,
 * and why. Throws a UserError if `native` was asked for and cannot be had, or something that only it can do.
 */
export function createEngine(init: EngineInit): RelayEngine {
  const { config, logger } = init;
  if (config.engine === 'net') return chosen(logger, netEngine(init), 'engine: net');
  const loaded = loadAddon();
  const unmet = unmetBy(config, loaded);
  if (unmet.length > 0) throw new UserError(unmet);
  if (loaded.kind === 'loaded') return startedEngine(init, loaded.addon);
  if (config.engine === 'auto') return chosen(logger, netEngine(init), `the native engine is not there: ${loaded.why}`);
  const message = `engine: native is not there: ${loaded.why}; build it with npm run build:native, or use engine: net`;
  throw new UserError([{ code: 'ENGINE_NOT_LOADED', path: 'engine', message }]);
}

/** The native engine; or net, where this process may have no more threads or descriptors, and nothing needs the other. */
function startedEngine(init: EngineInit, addon: Addon): RelayEngine {
  const { config, logger } = init;
  try {
    return chosen(logger, nativeEngine(init, addon), `engine: ${config.engine}`);
  } catch (error) {
    if (!(error instanceof Error && 'errno' in error)) throw error;
    const why = `the native engine does not start: ${error.message}`;
    if (config.engine === 'auto' && config.nativeOnly.length === 0) return chosen(logger, netEngine(init), why);
    const message = `${why}; give the process more threads and files (ulimit -u, -n), or lower threads`;
    throw new UserError([{ code: 'ENGINE_NOT_STARTED', path: 'engine', message }]);
  }
}

function chosen(logger: Logger, engine: RelayEngine, why: string): RelayEngine {
  logger.info({ engine: engine.name, why }, 'relaying');
  return engine;
}

function nativeEngine(init: EngineInit, addon: Addon): RelayEngine {
  const { config, clock, descriptors } = init;
  const { tcp, mark } = config;
  const threads = config.threads === 'auto' ? availableParallelism() : config.threads;
  const mostPipes = mostPipesOf(descriptorLimit(), threads + 1);
  return new NativeEngine({ addon, clock, descriptors, threads, mostPipes, tcp, udp: udpInit(init), mark });
}

/** Pipes for bulk streams may have an eighth of the descriptors; more than 32 in each of `reactors` are of no use. */
function mostPipesOf(descriptors: number, reactors: number): number {
  return Math.min(32, Math.floor(descriptors / 16 / reactors));
}

function netEngine(init: EngineInit): RelayEngine {
  const { config, clock, descriptors } = init;
  const { tcp, settings } = config;
  return new NetEngine({
    clock,
    descriptors,
    tcp: { backlog: tcp.backlog, bufferBytes: settings.tcp.bufferBytes },
    udp: udpInit(init),
  });
}

function udpInit({ config, logger }: EngineInit): Omit<UdpInit, 'clock' | 'descriptors'> {
  const buffersClamped = (granted: BufferSizes) =>
    logger.warn(granted, 'the kernel grants smaller UDP buffers; raise net.core.rmem_max and wmem_max');
  return { ...config.udp, buffersClamped };
}

import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import { formatProblem, UserError } from '../base/errors.ts';
import type { ProcessConfig } from '../config/load.ts';
import { loadConfig } from '../config/load.ts';
import { loadWithoutPause } from '../config/load-without-pause.ts';
import { PathWatcher } from '../feed/file/watch.ts';
import type { Log } from '../metrics/log.ts';
import { createLog } from '../metrics/log.ts';
import { Sluice } from './sluice.ts';

export interface ProcessInit {
  /** The configuration file: read at start, whenever it changes, and on SIGHUP. */
  readonly configFile: string;
  /** Changes what the file says, before it is used. */
  readonly adjust?: (config: ProcessConfig) => ProcessConfig;
  /** Called once, when frontends are listened on. */
  readonly onReady?: (config: ProcessConfig) => void;
}

/** What a blocked log may take of the time to the end, in milliseconds. */
const lastWordsMs = 1_000;

const exitCodes: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Runs sluice as a process, with its signals: SIGHUP reads everything again; SIGTERM and SIGINT drain, then end with 0;
 * the second of them ends at once. Resolves with the exit code, and does not end the process itself.
 */
export async function runProcess({ configFile, adjust = (config) => config, onReady }: ProcessInit): Promise<number> {
  const loaded = await loadConfig(configFile);
  if (loaded.kind === 'invalid') {
    for (const problem of loaded.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return 1;
  }
  const config = adjust(loaded.config);
  const log = createLog({ level: config.log.level });
  let sluice: Sluice;
  try {
    sluice = new Sluice({ config, log, clock: systemClock });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  // Timers of the clock do not keep a process alive, and there may be no frontend that does.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    return await live(sluice, { configFile, adjust, log, clock: systemClock, onReady: () => onReady?.(config) });
  } finally {
    clearInterval(alive);
    await log.close(lastWordsMs);
  }
}

interface LifeInit {
  readonly configFile: string;
  readonly adjust: (config: ProcessConfig) => ProcessConfig;
  readonly log: Log;
  readonly clock: Clock;
  readonly onReady: () => void;
}

async function live(sluice: Sluice, { configFile, adjust, log, clock, onReady }: LifeInit): Promise<number> {
  const reload = reloader(sluice, { configFile, adjust, clock });
  const ended = endOfLife(sluice, log);
  process.on('SIGHUP', () => {
    log.logger.info('SIGHUP: reading everything again');
    void reload().then(() => sluice.readAgain());
  });
  process.on('uncaughtException', (error) => {
    log.logger.fatal({ err: error }, 'a bug in sluice ends it; please report this');
    void log.close(lastWordsMs).finally(() => process.exit(70));
  });
  const watcher = new PathWatcher({ path: configFile, clock, onChange: () => void reload() });
  const start = async () => {
    await watcher.start();
    await sluice.start();
    onReady();
  };
  // A start that takes its time holds up no end.
  await Promise.race([start(), ended]);
  const code = await ended;
  watcher.close();
  return code;
}

type ReloadInit = Pick<LifeInit, 'configFile' | 'adjust' | 'clock'>;

/** Reads the configuration again. One read at a time; those who ask meanwhile get one more, after it. */
function reloader(sluice: Sluice, { configFile, adjust, clock }: ReloadInit): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  const once = async () => {
    next = undefined;
    const loaded = await loadWithoutPause(configFile, clock);
    if (loaded.kind === 'ok') await sluice.configure(adjust(loaded.config));
    else sluice.configFailed(loaded.problems);
  };
  return () => {
    next ??= running.then(once);
    running = next;
    return next;
  };
}

/** Resolves with the exit code when a signal has ended sluice. */
function endOfLife(sluice: Sluice, { logger }: Log): Promise<number> {
  return new Promise((resolve) => {
    let isEnding = false;
    const onSignal = async (signal: NodeJS.Signals) => {
      if (isEnding) {
        logger.warn({ signal }, 'second signal: ending at once');
        resolve(exitCodes[signal] ?? 1);
        return;
      }
      isEnding = true;
      logger.info({ signal }, 'no new flows are taken; a second signal ends at once');
      await sluice.drain();
      await sluice.close();
      logger.info('sluice has ended');
      resolve(0);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

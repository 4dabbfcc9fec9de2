import { type DestinationStream, type LevelWithSilent, type Logger, pino, stdTimeFunctions } from 'pino';
import { type Clock, systemClock } from '../base/clock.ts';
import { openChannel, standardOutput } from './log-channel.ts';
import { LogWriter } from './log-writer.ts';

export type LogLevel = LevelWithSilent;

export interface LogInit {
  readonly level: LogLevel;
  /** Where the lines go instead of standard output. A stream given here is trusted not to block. */
  readonly destination?: DestinationStream;
  /** The most text that waits for a slow destination, in bytes; lines beyond are dropped. Default 1 MiB. */
  readonly limitBytes?: number;
  readonly clock?: Clock;
}

/** The program's log: JSON, one object a line, on standard output. It never holds up whoever writes to it. */
export interface Log {
  readonly logger: Logger;
  /** Lines that were given up because the destination did not take them, ever. */
  readonly dropped: number;
  /** Holds at once, for the children of the logger too. */
  setLevel(level: LogLevel): void;
  /** Resolves with true once every line is out, with false if `timeoutMs` pass first. */
  flush(timeoutMs: number): Promise<boolean>;
  /**
   * The last call: as `flush`, then the destination is left. End the program with `process.exit` after it: a parent
   * that holds the other end of a full socket and does not read it would keep the event loop alive.
   */
  close(timeoutMs: number): Promise<boolean>;
}

const defaultLimitBytes = 1024 * 1024;

/**
 * Children (`logger.child(…)`) follow changes of the level and are therefore remembered: make a few that live as long
 * as the program, not one a connection.
 */
export function createLog(init: LogInit): Log {
  const writer = createWriter(init);
  const loggers = new Set<Logger>();
  const options = {
    level: init.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    onChild: (child: Logger) => void loggers.add(child),
  };
  const logger = pino(options, init.destination ?? writer);
  loggers.add(logger);
  return {
    logger,
    get dropped() {
      return writer.dropped;
    },
    setLevel(level) {
      for (const each of loggers) each.level = level;
    },
    flush: (timeoutMs) => writer.flush(timeoutMs),
    close: (timeoutMs) => writer.close(timeoutMs),
  };
}

function createWriter({ clock, limitBytes }: LogInit): LogWriter {
  return new LogWriter({
    open: () => openChannel(standardOutput),
    clock: clock ?? systemClock,
    limitBytes: limitBytes ?? defaultLimitBytes,
  });
}

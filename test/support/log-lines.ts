import { type Logger, pino } from 'pino';

/** A logger whose lines a test reads. */
export function recordingLogger(): { readonly logger: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const options = { base: null, timestamp: false, formatters: { level: (level: string) => ({ level }) } };
  const logger = pino(options, { write: (text: string) => void lines.push(JSON.parse(text)) });
  return { logger, lines };
}

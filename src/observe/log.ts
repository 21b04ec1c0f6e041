import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import { type DestinationStream, type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';
import type { PrettyOptions, PrettyStream } from 'pino-pretty';
import type { Clock } from '../clock.ts';
import { escapeColouredLine, escapeControls, escapeLine } from './control-characters.ts';
import { createKnownSecrets, type KnownSecrets } from './known-secrets.ts';
import { openOutput } from './output.ts';

export { describeError, scrub } from './scrub.ts';

/**
 * The gateway's log. Call sites pass named fields only, never a request, a header list or an error object, so
 * that no secret can slip in with a whole object; errors go through `describeError`.
 */
export interface Logger extends PinoLogger {
  /** What tells the time of its lines. */
  readonly clock: Clock;
  /**
   * Keeps the secrets of a configuration out of every field of its lines: they may stand in what a provider or an
   * upstream says.
   */
  keepSecrets(secrets: readonly string[]): void;
  /** A text without those secrets, for whoever shows others what was said. */
  hide(text: string): string;
  /**
   * Writes a line whose fields are JSON already, `"name":value` with commas between: for the one line that every
   * request has, which costs a fraction so. The fields are not searched for secrets.
   */
  writeInfo(fields: string, message: string): void;
  /** Resolves when every line so far is written, or when nobody reads them. */
  flushed(): Promise<void>;
}

export interface LogOptions {
  level: 'silent' | 'error' | 'warn' | 'info' | 'debug';
  /** Lines for people instead of JSON. */
  pretty: boolean;
  clock: Clock;
  /** Where lines go; standard output when absent. */
  destination?: DestinationStream;
}

/** How long somebody who reads the output may take for the last lines. */
const lastLinesMs = 1000;

export function createLogger(options: LogOptions): Logger {
  const { destination, clock } = options;
  if (destination) return logTo(destination, options, (done) => done());
  const output = openOutput(clock);
  const log = logTo(output, options, output.flush);
  output.onDropped((lines, reason) => log.warn({ lines, reason }, 'lines of the log were dropped'));
  return log;
}

function logTo(
  to: DestinationStream,
  { level, pretty, clock }: LogOptions,
  flush: (done: () => void) => void,
): Logger {
  const secrets = createKnownSecrets();
  const timestamp = timeOfLine(clock);
  const destination = pretty ? prettyLines(to) : to;
  const log = pino(pinoOptions(level, pretty, timestamp, secrets), destination);
  return Object.assign(log, {
    clock,
    keepSecrets: secrets.keep,
    hide: secrets.hide,
    writeInfo(fields: string, message: string) {
      if (log.isLevelEnabled('info'))
        destination.write(`{"level":"info"${timestamp()},${fields},"msg":"${message}"}\n`);
    },
    flushed: () =>
      new Promise<void>((resolve) => {
        clock.after(lastLinesMs, resolve);
        // What a pretty printer still holds has to reach the output first.
        log.flush(() => setImmediate(() => flush(resolve)));
      }),
  });
}

function pinoOptions(
  level: LogOptions['level'],
  pretty: boolean,
  timestamp: () => string,
  secrets: KnownSecrets,
): LoggerOptions {
  return {
    level,
    base: null,
    timestamp,
    hooks: { streamWrite: escapeControls },
    formatters: {
      log: (fields) => hideIn(fields, secrets.hide, 0) as Record<string, unknown>,
      // The pretty printer knows the levels by their numbers.
      ...(!pretty && { level: (label: string) => ({ level: label }) }),
    },
  };
}

/** Fields are texts, lists of them, and now and then an object of such; nothing goes deeper. */
const deepest = 4;

function hideIn(value: unknown, hide: (text: string) => string, depth: number): unknown {
  if (typeof value === 'string') return hide(value);
  if (value === null || typeof value !== 'object' || depth === deepest) return value;
  if (Array.isArray(value)) return value.map((item) => hideIn(item, hide, depth + 1));
  // What says by itself how it is written, such as a date, is no list of fields.
  if (depth > 0 && 'toJSON' in value) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, below]) => [name, hideIn(below, hide, depth + 1)]),
  );
}

/** Makes lines for people of lines of JSON. */
function prettyLines(to: DestinationStream): DestinationStream {
  // Loaded only where somebody looks: production writes JSON.
  const load = createRequire(import.meta.url);
  const prettyStream = load('pino-pretty') as (options: PrettyOptions) => PrettyStream;
  // It is never full: what waits is bounded by the output.
  const lines = new Writable({
    decodeStrings: false,
    write(line, _encoding, done) {
      to.write(escapeColouredLine(String(line)));
      done();
    },
  });
  return prettyStream({
    destination: lines,
    translateTime: 'SYS:HH:MM:ss',
    // Left alone, such characters are dropped from a message without a trace.
    messageFormat: (line, key) => escapeLine(String(line[key] ?? '')),
    singleLine: true,
    sync: true,
  });
}

/** Many lines of a busy gateway fall into one millisecond, and writing out the time is a third of a line's cost. */
function timeOfLine(clock: Clock): () => string {
  let lastTime = Number.NaN;
  let lastText = '';
  return () => {
    const now = clock.now();
    if (now !== lastTime) {
      lastTime = now;
      lastText = `,"time":"${new Date(now).toISOString()}"`;
    }
    return lastText;
  };
}

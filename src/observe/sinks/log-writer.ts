import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import { type DestinationStream, type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';
import type { PrettyOptions, PrettyStream } from 'pino-pretty';
import type { Clock } from '../../clock.ts';
import { escapeColouredLine, escapeControls, escapeLine } from '../control-characters.ts';
import { type DroppedListener, openOutput } from '../output.ts';
import type { AccessOptions } from './access-log.ts';
import { textLines } from './text-lines.ts';

/** Writes lines: fields that are texts, numbers and lists of them, never a whole object of others. */
export interface LogWriter extends Pick<PinoLogger, Level | 'isLevelEnabled'> {
  /**
   * Writes a line whose fields are JSON already, `"name":value` with commas between: for the one line that every
   * request has, which costs a fraction so.
   */
  writeInfo(fields: string, message: string): void;
  /** Writes a whole line, with its end. */
  writeLine(line: string): void;
  /** Resolves when every line so far is written, or when nobody reads them. */
  flushed(): Promise<void>;
  /** Writes to the same place from now on, in another way. */
  anew(options: LogSettings): LogWriter;
}

export type Level = 'error' | 'warn' | 'info' | 'debug';

export interface LogOptions {
  level: 'silent' | Level;
  /** Lines for people instead of JSON. */
  pretty: boolean;
  /** Requests in the combined format of Apache, and everything else as plain text, instead of JSON. */
  combined?: boolean | undefined;
  /** Which requests have lines, and with what; all, unless this says otherwise. */
  access?: AccessOptions | undefined;
  /** Where lines go; standard output when absent. */
  destination?: DestinationStream;
}

/** What may change while it is written. */
export type LogSettings = Omit<LogOptions, 'destination'>;

interface LogNeeds {
  clock: Clock;
  /** Called when lines were lost, once lines can be written again. */
  onDropped: DroppedListener;
}

/** How long somebody who reads the output may take for the last lines. */
const lastLinesMs = 1000;

export function openLogWriter(options: LogOptions, { clock, onDropped }: LogNeeds): LogWriter {
  const { destination } = options;
  if (destination) return writeTo(destination, options, clock, (done) => done());
  const output = openOutput(clock);
  output.onDropped(onDropped);
  return writeTo(output, options, clock, output.flush);
}

function writeTo(
  to: DestinationStream,
  { level, pretty, combined }: LogOptions,
  clock: Clock,
  flush: (done: () => void) => void,
): LogWriter {
  const timestamp = timeOfLine(clock);
  const destination = pretty ? prettyLines(to) : combined ? textLines(to) : to;
  const log = pino(pinoOptions(level, pretty, timestamp), destination);
  return Object.assign(log, {
    anew: (options: LogSettings) => writeTo(to, options, clock, flush),
    writeInfo(fields: string, message: string) {
      destination.write(`{"level":"info"${timestamp()},${fields},"msg":"${message}"}\n`);
    },
    writeLine: (line: string) => void to.write(line),
    flushed: () =>
      new Promise<void>((resolve) => {
        clock.after(lastLinesMs, resolve);
        // What a pretty printer still holds has to reach the output first.
        log.flush(() => setImmediate(() => flush(resolve)));
      }),
  });
}

function pinoOptions(level: LogOptions['level'], pretty: boolean, timestamp: () => string): LoggerOptions {
  return {
    level,
    base: null,
    timestamp,
    hooks: { streamWrite: escapeControls },
    // The pretty printer knows the levels by their numbers.
    ...(!pretty && { formatters: { level: (label: string) => ({ level: label }) } }),
  };
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

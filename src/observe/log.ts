import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import type { PrettyOptions, PrettyStream } from 'pino-pretty';
import { type Output, standardOutput } from './output.ts';

/**
 * The gateway's log. Call sites pass named fields only, never a request, a header list or an error object, so
 * that no secret can slip in with a whole object; errors go through `describeError`.
 */
export type Logger = PinoLogger;

export interface LogOptions {
  level: 'silent' | 'error' | 'warn' | 'info' | 'debug';
  /** Lines for people instead of JSON. */
  pretty: boolean;
  /** Where lines go; standard output when absent. */
  destination?: DestinationStream;
}

export function createLogger({ level, pretty, destination }: LogOptions): Logger {
  if (destination) return logTo(destination, level, pretty);
  const output = standardOutput();
  const log = logTo(pretty ? asStream(output) : output, level, pretty);
  output.onDropped((lines, reason) => log.warn({ lines, reason }, 'lines of the log were dropped'));
  return log;
}

/** pino-pretty writes to a stream. It is never full: what waits is bounded by the output. */
function asStream(output: Output): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      output.write(String(chunk));
      done();
    },
  });
}

function logTo(to: DestinationStream, level: LogOptions['level'], pretty: boolean): Logger {
  const options = { level, base: null, timestamp: timeOfLine };
  if (!pretty) {
    const formatters = { level: (label: string) => ({ level: label }) };
    return remember(to, () => pino({ ...options, formatters }, to));
  }
  // Loaded only where somebody looks: production writes JSON.
  const load = createRequire(import.meta.url);
  const prettyStream = load('pino-pretty') as (options: PrettyOptions) => PrettyStream;
  const stream = prettyStream({
    destination: to,
    translateTime: 'SYS:HH:MM:ss',
    singleLine: true,
    sync: true,
  });
  return remember(stream, () => pino(options, stream));
}

const destinations = new WeakMap<Logger, DestinationStream>();

function remember(destination: DestinationStream, create: () => Logger): Logger {
  const log = create();
  destinations.set(log, destination);
  return log;
}

/**
 * Writes a line whose fields are JSON already, `"name":value` with commas between: for the one line that every
 * request has, which costs a fraction so.
 */
export function writeInfo(log: Logger, fields: string, message: string): void {
  if (log.isLevelEnabled('info'))
    destinations.get(log)?.write(`{"level":"info"${timeOfLine()},${fields},"msg":"${message}"}\n`);
}

let lastTime = 0;
let lastText = '';

/** Many lines of a busy gateway fall into one millisecond, and writing out the time is a third of a line's cost. */
function timeOfLine(): string {
  const now = Date.now();
  if (now !== lastTime) {
    lastTime = now;
    lastText = `,"time":"${new Date(now).toISOString()}"`;
  }
  return lastText;
}

/** How long somebody who reads the output may take for the last lines. */
const lastLinesMs = 1000;

/** Resolves when every line so far is written, or when nobody reads them. */
export function flushed(log: Logger): Promise<void> {
  const output = standardOutput();
  return new Promise((resolve) => {
    setTimeout(resolve, lastLinesMs);
    // What a pretty printer still holds has to reach the output first.
    log.flush(() => setImmediate(() => output.flush(resolve)));
  });
}

/** Tokens, codes and secrets, in the shapes in which libraries put them into messages. */
const secretShapes: readonly [RegExp, string][] = [
  [/eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*/g, '[token]'],
  [/\b(Bearer|Basic|DPoP)\s+[^\s"',;]+/gi, '$1 [redacted]'],
  [
    /\b(code|state|nonce|access_token|id_token|refresh_token|client_secret|id_token_hint|code_verifier)=[^&\s"']+/gi,
    '$1=[redacted]',
  ],
  // Opaque codes and tokens have no shape but their length, which passes that of a UUID and of every error code.
  [/[\w-]{40,}/g, '[redacted]'],
];

/** Secrets of the configuration, which have no shape; those of every gateway in this process. */
const knownSecrets = new Set<string>();
/** A shorter one stands in ordinary words too, and would blank them. */
const shortestKnownSecret = 6;

/** Keeps a secret out of every text that passes `scrub`: a provider may repeat what it was sent. */
export function keepSecret(secret: string | undefined): void {
  if (secret !== undefined && secret.length >= shortestKnownSecret) knownSecrets.add(secret);
}

/** A text of foreign origin without tokens, line breaks and length. */
export function scrub(text: string): string {
  let clean = text.replace(/\s+/g, ' ');
  for (const secret of knownSecrets) clean = clean.replaceAll(secret, '[redacted]');
  for (const [shape, replacement] of secretShapes) clean = clean.replace(shape, replacement);
  return clean.length > 300 ? `${clean.slice(0, 300)}…` : clean;
}

/** What a provider's error response says (RFC 6749 §5.2), where an error stands for one. */
function oauthError(failure: Error): string {
  const { error, error_description } = failure as { error?: unknown; error_description?: unknown } & Error;
  const said = [error, error_description].filter((part) => typeof part === 'string');
  return said.length > 0 ? ` (${said.join(': ')})` : '';
}

/** One line on an error and its causes: codes and messages, scrubbed; nothing else of the objects. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  let current = error;
  for (let depth = 0; depth < 4 && current instanceof Error; depth++) {
    const code = (current as NodeJS.ErrnoException).code;
    const line = scrub(
      `${code === undefined ? current.name : code}: ${current.message}${oauthError(current)}`,
    );
    if (!lines.includes(line)) lines.push(line);
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return lines.length > 0 ? lines.join(' <- ') : scrub(String(error));
}

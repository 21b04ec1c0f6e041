import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import type { PrettyOptions, PrettyStream } from 'pino-pretty';
import { escapeColouredLine, escapeControls, escapeLine } from './control-characters.ts';
import { standardOutput } from './output.ts';

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
  const log = logTo(output, level, pretty);
  output.onDropped((lines, reason) => log.warn({ lines, reason }, 'lines of the log were dropped'));
  return log;
}

function logTo(to: DestinationStream, level: LogOptions['level'], pretty: boolean): Logger {
  const options = { level, base: null, timestamp: timeOfLine, hooks: { streamWrite: escapeControls } };
  if (!pretty) {
    const formatters = { level: (label: string) => ({ level: label }) };
    return remember(to, () => pino({ ...options, formatters }, to));
  }
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
  const stream = prettyStream({
    destination: lines,
    translateTime: 'SYS:HH:MM:ss',
    // Left alone, such characters are dropped from a message without a trace.
    messageFormat: (line, key) => escapeLine(String(line[key] ?? '')),
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
const secretShapes: readonly [RegExp, string | ((whole: string, ...groups: string[]) => string)][] = [
  [/eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*/g, '[token]'],
  [/\b(Bearer|Basic|DPoP)(\s+)([^\s"',;]+)/gi, redactCredentials],
  [
    /\b(code|state|nonce|\w*_?token|client_secret|password|id_token_hint|code_verifier|client_assertion|assertion|logout_token)=[^&\s"']+/gi,
    '$1=[redacted]',
  ],
  [/("(?:\w*_?token|client_secret|password|client_assertion|code_verifier)"\s*:\s*")[^"]*/gi, '$1[redacted]'],
  // Opaque codes and tokens have no shape but their length, which passes that of a UUID and of every error code.
  [/[\w-]{40,}/g, '[redacted]'],
];

/** `DPoP proof` and `Basic authentication` are words; so are the parameters of a challenge (RFC 9110 §11.6.1). */
const plainWord = /^(?:[A-Za-z]?[a-z]{1,15}[.:!?)]*|[a-z]+(?:_[a-z]+)*=)$/;

function redactCredentials(whole: string, scheme: string, blank: string, next: string): string {
  return plainWord.test(next) ? whole : `${scheme}${blank}[redacted]`;
}

/** Secrets of the configuration, which have no shape; those of every gateway in this process. */
const knownSecrets = new Set<string>();
/** A shorter one stands in ordinary words too, and would blank them. */
const shortestKnownSecret = 6;

/** Keeps secrets out of every text that passes `scrub`: a provider or an upstream may repeat what it was sent. */
export function keepSecrets(secrets: readonly string[]): void {
  for (const secret of secrets) if (secret.length >= shortestKnownSecret) knownSecrets.add(secret);
}

/** A text of foreign origin without tokens, line breaks and length. */
export function scrub(text: string): string {
  let clean = text.replace(/\s+/g, ' ');
  for (const secret of knownSecrets) clean = clean.replaceAll(secret, '[redacted]');
  for (const [shape, replacement] of secretShapes)
    clean =
      typeof replacement === 'string' ? clean.replace(shape, replacement) : clean.replace(shape, replacement);
  clean = escapeControls(clean);
  return clean.length > 300 ? `${clean.slice(0, 300)}…` : clean;
}

/** What a provider's error response says (RFC 6749 §5.2), where an error stands for one. */
function oauthError(failure: Error): string {
  const { error, error_description } = failure as { error?: unknown; error_description?: unknown } & Error;
  const said = [error, error_description].filter((part) => typeof part === 'string');
  return said.length > 0 ? ` (${said.join(': ')})` : '';
}

/** What fetch and openid-client say of an error whose cause says what happened. */
const emptyWords: ReadonlySet<string> = new Set(['fetch failed', 'something went wrong']);

/** One line on an error and its causes: codes and messages, scrubbed; nothing else of the objects. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  let current = error;
  for (let depth = 0; depth < 4 && current instanceof Error; depth++) {
    const next: unknown = current instanceof AggregateError ? current.errors[0] : current.cause;
    const { name, message } = current;
    const kind = (current as NodeJS.ErrnoException).code ?? name;
    // `Error` says nothing of an error that one did not know.
    const line = scrub(`${kind === 'Error' ? '' : `${kind}: `}${message}${oauthError(current)}`);
    const isWrapper = next instanceof Error && emptyWords.has(message);
    if (!isWrapper && !lines.includes(line)) lines.push(line);
    current = next;
  }
  return lines.length > 0 ? lines.join(' <- ') : scrub(String(error));
}

import type { GatewayError } from '../errors.ts';
import { escapeControls } from './control-characters.ts';
import { describeError, type Logger } from './log.ts';

/** What a log line says of a request; the query stays out, since it may hold secrets. */
export interface LoggedExchange {
  requestId: string;
  /** The request target as it came. */
  rawTarget: string;
  request: { method?: string | undefined };
  /** By the clock of the log, which never goes back. */
  startedAt: number;
  peer: { address: string };
  subject: string | undefined;
  destination:
    | {
        target: { path: string };
        resolution: { kind: 'endpoint' } | { kind: 'route'; route: { label: string } };
      }
    | { error: unknown };
}

/** As nginx writes it: the client left before there was an answer. */
const clientLeft = 499;

/** One line for each request, when its answer has ended. */
export function logRequest(
  log: Logger,
  exchange: LoggedExchange,
  answer: { statusCode: number; headersSent: boolean },
): void {
  const { requestId, request, startedAt, peer, subject, destination } = exchange;
  const found = 'error' in destination ? undefined : destination;
  const route = found?.resolution.kind === 'route' ? found.resolution.route.label : undefined;
  const status = answer.headersSent ? answer.statusCode : clientLeft;
  const durationMs = Math.round((log.clock.monotonic() - startedAt) * 10) / 10;
  const fields =
    `"requestId":${quoted(requestId)}${field('method', request.method)}${field('path', found?.target.path)}` +
    `,"status":${status},"durationMs":${durationMs}${field('route', route)}${field('subject', subject)}` +
    field('peer', peer.address);
  log.writeInfo(fields, 'request');
}

/** Absent like its value. */
function field(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${quoted(value)}`;
}

/** Nearly every value is plain, which is cheaper to see than to escape. */
function quoted(value: string): string {
  return /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(value) ? `"${value}"` : escapeControls(JSON.stringify(value));
}

/** The line of a handshake whose client left before the answer. */
export function logLeft(log: Logger, exchange: LoggedExchange): void {
  logRequest(log, exchange, { statusCode: clientLeft, headersSent: false });
}

/** Longer ones are cut in the line of a refusal. */
const longestPath = 300;

/** One line for each refusal and failure, with the reason that the answer does not tell. */
export function logRefusal(
  log: Logger,
  { requestId, subject, rawTarget }: LoggedExchange,
  error: GatewayError,
): void {
  // For `explain`, which says what is odd about it and which setting would let it pass.
  const path =
    error.code === 'ambiguous_path' ? rawTarget.replace(/\?.*$/s, '').slice(0, longestPath) : undefined;
  const reason = error.cause === undefined ? error.detail && error.message : describeError(error.cause);
  const line = { requestId, code: error.code, status: error.status, subject, path, reason };
  if (error.code === 'internal') log.error({ ...line, stack: stackOf(error.cause) }, 'internal error');
  else if (error.code === 'client_rejected') log.error(line, 'failed');
  else if (error.status >= 500) log.warn(line, 'failed');
  else log.info(line, 'refused');
}

/** Where a fault of the gateway itself happened; the message is scrubbed apart from this. */
function stackOf(cause: unknown): string | undefined {
  return cause instanceof Error
    ? cause.stack
        ?.split('\n')
        .slice(1, 6)
        .map((line) => line.trim())
        .join(' | ')
    : undefined;
}

import type { GatewayError } from '../errors.ts';
import { describeError, type Logger } from './log.ts';

/** What a log line says of a request; the query stays out, since it may hold secrets. */
export interface LoggedExchange {
  requestId: string;
  request: { method?: string | undefined };
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
  log.info(
    {
      requestId,
      method: request.method,
      path: found?.target.path,
      status: answer.headersSent ? answer.statusCode : clientLeft,
      durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
      route: found?.resolution.kind === 'route' ? found.resolution.route.label : undefined,
      subject,
      peer: peer.address,
    },
    'request',
  );
}

/** One line for each refusal and failure, with the reason that the answer does not tell. */
export function logRefusal(log: Logger, { requestId, subject }: LoggedExchange, error: GatewayError): void {
  const reason = error.cause === undefined ? error.detail : describeError(error.cause);
  const line = { requestId, code: error.code, status: error.status, subject, reason };
  if (error.code === 'internal') log.error({ ...line, stack: stackOf(error.cause) }, 'internal error');
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

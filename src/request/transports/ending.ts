import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Outbound } from '../../listen/inbound.ts';
import type { Emit } from '../../observe/events.ts';
import { clientLeftStatus } from '../../observe/observed-exchange.ts';
import type { Answer } from '../../pages/answer.ts';
import { endExchange } from '../exchange.ts';
import type { Entry } from './entry.ts';

/** The ends of a request: in order, by a client that leaves, or by a request that breaks off. */

/** An answer has ended, or its client has gone. */
export function closed(
  { emit, clock }: { emit: Emit; clock: Clock },
  { exchange }: Entry,
  response: Outbound,
): void {
  exchange.upstreamRequest?.clientLeft();
  // A fault of our own may have come before what the session needs was set.
  if (response.writableFinished && response.statusCode !== 500) exchange.delivered?.();
  const status = exchange.brokeWith ?? (response.headersSent ? response.statusCode : clientLeftStatus);
  const durationMs = clock.monotonic() - exchange.startedAt;
  emit({ kind: 'request-finished', exchange, status, durationMs });
  endExchange(exchange);
}

/** The last answer to a request whose body cannot be read to its end, or does not come; nothing goes on upstream. */
export function answerBroken({ pipeline, exchange }: Entry, error: GatewayError): Answer {
  const answer = pipeline.fail(exchange, error);
  exchange.brokeWith = answer.status;
  pipeline.answered(exchange, Buffer.byteLength(answer.body));
  exchange.upstreamRequest?.clientLeft();
  return answer;
}

/** The last answer to a request whose body does not come, of which nothing was sent yet. */
export const silentBody = (entry: Entry): Answer => answerBroken(entry, new GatewayError('request_timeout'));

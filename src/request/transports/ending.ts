import type { ServerResponse } from 'node:http';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import { endInOrder } from '../../listen/answers.ts';
import { wireFormat } from '../../listen/write-answer.ts';
import { clientLeft, type Emit } from '../../observe/events.ts';
import type { Answer } from '../../pages/answer.ts';
import { endExchange } from '../exchange.ts';
import type { Entry, EntryOf } from './entry.ts';

/** The ends of a request: in order, by a client that leaves, or by a request that breaks off. */

/** An answer has ended, or its client has gone. */
export function closed(
  { emit, clock }: { emit: Emit; clock: Clock },
  { exchange }: Entry,
  response: ServerResponse,
): void {
  exchange.underWay?.clientLeft();
  // A fault of our own may have come before what the session needs was set.
  if (response.writableFinished && response.statusCode !== 500) exchange.delivered?.();
  const status = exchange.brokeWith ?? (response.headersSent ? response.statusCode : clientLeft);
  const durationMs = clock.monotonic() - exchange.startedAt;
  emit({ kind: 'request-finished', exchange, status, durationMs });
  endExchange(exchange);
}

/** The last answer to a request whose body cannot be read to its end, or does not come; nothing goes on upstream. */
export function answerBroken({ pipeline, exchange }: Entry, error: GatewayError): Answer {
  const answer = pipeline.fail(exchange, error);
  exchange.brokeWith = answer.status;
  exchange.underWay?.clientLeft();
  return answer;
}

/** The body of a request does not come. Nothing of its answer was sent, and nothing more can be read behind it. */
export function endSilentBody(
  { entryOf, clock }: { entryOf: EntryOf; clock: Clock },
  { req }: ServerResponse,
): void {
  const answer = answerBroken(entryOf(req), new GatewayError('request_timeout'));
  endInOrder(req.socket, wireFormat(answer, clock.now()));
}

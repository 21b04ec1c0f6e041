import { randomUUID } from 'node:crypto';
import { wantsPage } from '../access/navigation.ts';
import type { Clock } from '../clock.ts';
import { type ErrorCode, GatewayError } from '../errors.ts';
import type { Emit } from '../observe/events.ts';
import type { ObservedExchange } from '../observe/observed-exchange.ts';
import { type Answer, errorAnswer, withCookies } from '../pages/answer.ts';
import type { Action } from '../pages/html.ts';
import { text } from '../pages/texts/text.ts';
import { withCors } from './cors.ts';
import type { Destination, Exchange } from './exchange.ts';

/** The one place where an error becomes an answer; it is told of here too. */
export function answerFailure(
  error: unknown,
  exchange: Exchange,
  prefix: string,
  { emit, answerError }: { emit: Emit; answerError: typeof errorAnswer },
): Answer {
  const failure = error instanceof GatewayError ? error : new GatewayError('internal', { cause: error });
  if (isTurnedAway(failure)) exchange.isTurnedAway = true;
  emit({ kind: 'request-refused', exchange, error: failure });
  const destination = 'error' in exchange.destination ? undefined : exchange.destination;
  const answer = answerError(failure, {
    requestId: exchange.requestId,
    page: wantsPage(exchange.request.headers),
    actions: destination ? nextSteps(failure, exchange, destination, prefix) : [],
    loginUrl:
      destination && ['not_signed_in', 'step_up_required'].includes(failure.code)
        ? loginUrl(exchange, destination, prefix, failure)
        : undefined,
  });
  return withCors(withCookies(answer, failure.setCookies), exchange);
}

/** Whether there is an event of its own for many of these. */
const isTurnedAway = ({ code }: GatewayError): boolean => turnedAway.has(code);
const turnedAway: ReadonlySet<ErrorCode> = new Set(['rate_limited', 'overloaded', 'upstream_busy']);

/** What broke a connection, by the code of Node's parser. */
export function brokenBy(error: NodeJS.ErrnoException): GatewayError {
  const codes: Readonly<Record<string, ErrorCode>> = {
    HPE_HEADER_OVERFLOW: 'headers_too_large',
    ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  };
  return new GatewayError(codes[error.code ?? ''] ?? 'malformed_request', { cause: error });
}

/** The answer to what could not be read as HTTP, so that nobody knows more of it than some of its bytes. */
export function answerMalformed(
  error: NodeJS.ErrnoException,
  address: string,
  { emit, clock }: { emit: Emit; clock: Clock },
): Answer {
  const failure = brokenBy(error);
  const exchange = unreadExchange(failure, address, clock.monotonic());
  emit({ kind: 'request-refused', exchange, error: failure });
  const { status } = failure;
  emit({ kind: 'request-finished', exchange, status, durationMs: clock.monotonic() - exchange.startedAt });
  const { rawPacket } = error as { rawPacket?: Buffer };
  const text = rawPacket?.toString('latin1') ?? '';
  const page = /^(?:accept:[^\r\n]*text\/html|sec-fetch-mode:[ \t]*navigate)/im.test(text);
  // Of large headers only the end is known. They are cookies more often than not, and those are a browser's.
  const isEndOfCookies = failure.code === 'headers_too_large' && !/^accept:/im.test(text);
  return errorAnswer(failure, { requestId: exchange.requestId, page: page || isEndOfCookies });
}

/** What is known of what nobody could read: where it came from. */
function unreadExchange(error: GatewayError, address: string, startedAt: number): ObservedExchange {
  return {
    requestId: randomUUID(),
    rawTarget: '',
    method: '',
    request: {},
    // Who it came for, a front says in what could not be read.
    peer: { address },
    subject: undefined,
    person: undefined,
    session: undefined,
    destination: { error },
    via: undefined,
    outcome: undefined,
    passage: undefined,
    startedAt,
    formAt: undefined,
    answeredAt: undefined,
    formBytes: 0,
    answerBytes: 0,
  };
}

function loginUrl(
  { method }: Exchange,
  { origin, target, resolution }: Destination,
  prefix: string,
  { code }: GatewayError,
): string {
  const isSafe = method === 'GET' || method === 'HEAD';
  const rd = isSafe ? target.path + target.query : '/';
  if (code === 'step_up_required') {
    // The provider is that of the session, and what is asked for stands at the route of the refused request.
    const refused = isSafe ? '' : `&step_up=${encodeURIComponent(`${method}:${target.path}`)}`;
    return `${origin}${prefix}/start?rd=${encodeURIComponent(rd)}${refused}`;
  }
  const [provider] = (resolution.kind === 'route' && resolution.route.provider) || [];
  const wanted = provider === undefined ? '' : `&provider=${encodeURIComponent(provider)}`;
  return `${origin}${prefix}/start?rd=${encodeURIComponent(rd)}${wanted}`;
}

/** Answers that leave somebody nowhere: most other addresses of the site are fine. */
const deadEnds: ReadonlySet<ErrorCode> = new Set([
  'not_allowed',
  'no_route',
  'unknown_endpoint',
  'ambiguous_path',
]);

/** The buttons of an error page. */
function nextSteps(
  error: GatewayError,
  exchange: Exchange,
  destination: Destination,
  prefix: string,
): Action[] {
  if (error.code === 'step_up_required')
    return [{ label: text('button.sign_in_again'), href: loginUrl(exchange, destination, prefix, error) }];
  if (error.code === 'not_signed_in')
    return [{ label: text('button.sign_in'), href: loginUrl(exchange, destination, prefix, error) }];
  if (error.code === 'not_allowed' && exchange.subject !== undefined) {
    const rd = encodeURIComponent(destination.target.path + destination.target.query);
    const other = { label: text('button.sign_in_as_other'), href: `${prefix}/sign_out?rd=${rd}`, post: true };
    return [other, ...toStartPage(error, destination)];
  }
  if (
    error.code.startsWith('login_') ||
    error.code === 'session_too_large' ||
    error.code === 'step_up_failed'
  ) {
    return [
      {
        label: text('button.start_again'),
        href: `${prefix}/start?rd=${encodeURIComponent(error.returnTo ?? '/')}`,
      },
      startPage,
    ];
  }
  if (error.status >= 502 && exchange.method === 'GET') {
    const { origin, target } = destination;
    // A failed callback cannot be repeated: its code is spent.
    return [
      { label: text('button.try_again'), href: error.returnTo ?? `${origin}${target.path}${target.query}` },
    ];
  }
  return toStartPage(error, destination);
}

const startPage: Action = { label: text('button.start_page'), href: '/' };

const toStartPage = ({ code }: GatewayError, { target }: Destination): Action[] =>
  deadEnds.has(code) && target.path !== '/' ? [startPage] : [];

import type { FastifyInstance } from 'fastify';
import type { Outbound } from '../../listen/inbound.ts';
import { proxiedMethods } from '../../listen/methods.ts';
import type { Answer } from '../../pages/answer.ts';
import { refusalOf } from '../logins.ts';
import type { Arrival, Forward, Outcome } from '../outcome.ts';
import type { Pipeline, Place } from '../pipeline.ts';
import { hideBodyType } from './body.ts';
import type { Entry, EntryOf } from './entry.ts';
import { send as sendAnswer } from './render.ts';

/** How a proxy that asks wants to be answered. */
interface Dialect {
  /** The status that lets the request pass. */
  allowed: number;
  /** Whether the proxy hands a redirect on to the browser. */
  mayRedirect: boolean;
  /** Says each cookie again under a name of its own: nginx reads one line of a name, and a session takes several. */
  numbersCookies: boolean;
}

const dialects = {
  auth: { allowed: 202, mayRedirect: false, numbersCookies: true },
  'forward-auth': { allowed: 200, mayRedirect: true, numbersCookies: false },
} as const satisfies Partial<Record<Place, Dialect>>;

/**
 * Answers for proxies that forward by themselves and only ask whether they may: `auth` for nginx's
 * auth_request (202, 401, 403), `forward-auth` for Traefik, Caddy, Envoy and HAProxy (200, 302 to the login,
 * 401, 403). The same routes and rules decide as for requests that pass through.
 */
export async function registerForwardAuth(
  scope: FastifyInstance,
  entryOf: EntryOf,
  names: Readonly<Record<keyof typeof dialects, string>>,
): Promise<void> {
  scope.removeAllContentTypeParsers();
  // A proxy may send the body along, or what says of it; neither is looked at.
  scope.addHook('onRequest', ({ raw }, _reply, done) => {
    hideBodyType(raw);
    done();
  });
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
  for (const place of ['auth', 'forward-auth'] as const) {
    scope.route({
      method: [...proxiedMethods],
      url: names[place],
      handler: (request, reply) => {
        reply.hijack();
        void answer(entryOf(request.raw), reply.raw, dialects[place]);
      },
    });
  }
}

const question: Arrival = { via: 'question' };

async function answer(entry: Entry, response: Outbound, dialect: Dialect): Promise<void> {
  const { pipeline, exchange } = entry;
  try {
    const outcome = await pipeline.decide(exchange, question);
    send(entry, response, await render(entry, outcome, dialect), dialect);
  } catch (error) {
    if (!response.req.socket.destroyed) send(entry, response, pipeline.fail(exchange, error), dialect);
  }
}

function send(entry: Entry, response: Outbound, answer: Answer, { numbersCookies }: Dialect): void {
  const told = { ...answer, headers: { 'cache-control': 'no-store', ...answer.headers } };
  sendAnswer(entry, response, numbersCookies ? withNumberedCookies(told) : told);
}

/** Rejects with what cannot be answered. */
async function render(
  { pipeline, exchange }: Entry,
  outcome: Outcome,
  { allowed, mayRedirect }: Dialect,
): Promise<Answer> {
  switch (outcome.kind) {
    case 'forward':
      return { status: allowed, headers: allowedHeaders(pipeline, outcome), body: '' };
    case 'login':
    case 'step-up':
      if (!mayRedirect) throw refusalOf(outcome);
      return pipeline.begin(exchange, outcome);
    case 'answer':
      return { ...outcome.answer, status: allowed };
    case 'refuse':
      throw outcome.error;
  }
}

/** What the upstream is to get, and the browser. */
function allowedHeaders(pipeline: Pipeline, outcome: Forward): Answer['headers'] {
  const headers: Answer['headers'] = {};
  const raw = pipeline.identityHeaders(outcome);
  for (let at = 0; at < raw.length; at += 2) headers[(raw[at] ?? '').toLowerCase()] = raw[at + 1] ?? '';
  const { setCookies } = outcome.forwarding;
  if (setCookies.length > 0) headers['set-cookie'] = [...setCookies];
  return headers;
}

function withNumberedCookies(answer: Answer): Answer {
  const lines = [answer.headers['set-cookie'] ?? []].flat();
  const numbered = lines.map((line, at) => [`x-sallyport-cookie-${at + 1}`, line] as const);
  return { ...answer, headers: { ...answer.headers, ...Object.fromEntries(numbered) } };
}

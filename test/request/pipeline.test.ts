import { test } from 'tap';
import { GatewayError } from '../../src/errors.ts';
import type { Outcome } from '../../src/request/outcome.ts';
import { type Asked, decideHttp, origin, outcomesOf, pipelineOf } from './scene.ts';

const config = {
  routes: [
    { path: '/', upstream: 'http://127.0.0.1:9' },
    { path: '/open', upstream: 'http://127.0.0.1:9', allow: 'public' },
    { path: '/staff', upstream: 'http://127.0.0.1:9', allow: [{ groups: ['staff'] }] },
    { path: '/lab', upstream: 'http://127.0.0.1:9', allow: [{ networks: ['10.0.0.0/8'] }] },
    { path: '/here', upstream: 'http://127.0.0.1:9', allow: [{ networks: ['192.0.2.0/24'] }] },
    { path: '/strong', upstream: 'http://127.0.0.1:9', stepUp: { acr: ['gold'] } },
    { path: '/api', upstream: 'http://127.0.0.1:9', unauthenticated: '401' },
    { path: '/guest', upstream: 'http://127.0.0.1:9', unauthenticated: 'pass' },
    { path: '/form', upstream: 'http://127.0.0.1:9', csrf: 'header' },
    { path: '/shop', upstream: 'http://127.0.0.1:9', cors: ['https://shop.example'] },
  ],
};

const page = { accept: 'text/html', 'sec-fetch-mode': 'navigate' };
const as = (word: string) => ({ cookie: `session=${word}` });

/** A request, and what becomes of it: the kind of its outcome, and the code of an error. */
const rows: readonly [what: string, request: Asked, kind: Outcome['kind'], code?: string][] = [
  ['a public route, by nobody', { path: '/open' }, 'forward'],
  ['a page, by nobody', { path: '/a', headers: page }, 'login', 'not_signed_in'],
  ['data, by nobody', { path: '/a' }, 'refuse', 'not_signed_in'],
  ['a form, by nobody', { method: 'POST', path: '/a', headers: page }, 'refuse', 'not_signed_in'],
  ['a page that never leads to the login', { path: '/api', headers: page }, 'refuse', 'not_signed_in'],
  ['a page for guests, by nobody', { path: '/guest', headers: page }, 'forward'],
  ['a page, with a session', { path: '/a', headers: { ...page, ...as('ada') } }, 'forward'],
  ['a page, with a session that has to be looked up', { path: '/a', headers: as('slow-ada') }, 'forward'],
  ['a page of a group, by one of it', { path: '/staff', headers: as('ada') }, 'forward'],
  ['a page of a group, by somebody else', { path: '/staff', headers: as('grace') }, 'refuse', 'not_allowed'],
  ['a page of a network, from outside', { path: '/lab', headers: as('ada') }, 'refuse', 'not_allowed'],
  [
    'a page of a network, from inside',
    { path: '/here', headers: { 'x-forwarded-for': '192.0.2.7' } },
    'forward',
  ],
  [
    'a page that asks for more',
    { path: '/strong', headers: { ...page, ...as('ada') } },
    'step-up',
    'step_up_required',
  ],
  ['data that asks for more', { path: '/strong', headers: as('ada') }, 'refuse', 'step_up_required'],
  [
    'a form that another site may have sent',
    { method: 'POST', path: '/form', headers: as('ada') },
    'refuse',
    'forgery_header_missing',
  ],
  ['a page, with a session that has ended', { path: '/a', headers: { ...page, ...as('ended') } }, 'login'],
  ['a page, while the provider is out', { path: '/a', headers: { ...page, ...as('unavailable') } }, 'login'],
  [
    'data, while the provider is out',
    { path: '/a', headers: as('unavailable') },
    'refuse',
    'provider_unavailable',
  ],
  [
    'a page for guests, while the provider is out',
    { path: '/guest', headers: as('unavailable') },
    'refuse',
    'provider_unavailable',
  ],
  ['a page, while the store is out', { path: '/a', headers: as('unknown') }, 'refuse', 'store_unavailable'],
  ['a public page, while the store is out', { path: '/open', headers: as('unknown') }, 'forward'],
  [
    'a page for guests, while the store is out',
    { path: '/guest', headers: as('unknown') },
    'refuse',
    'store_unavailable',
  ],
  ['a path with two readings', { path: '/a/..%2fopen', headers: as('ada') }, 'refuse', 'ambiguous_path'],
];

test('a request has the same outcome by HTTP, as a handshake and as the question of a proxy', async (t) => {
  const pipeline = pipelineOf({ config });
  for (const [what, request, kind, code] of rows) {
    const outcomes = await outcomesOf(pipeline, request);
    for (const [via, outcome] of Object.entries(outcomes)) {
      t.equal(outcome.kind, kind, `${what}: by ${via}`);
      if (code !== undefined) t.equal(codeOf(outcome), code, `${what}: its code by ${via}`);
      t.equal(outcome.reason, outcomes.http.reason, `${what}: its reason by ${via}`);
      t.ok(outcome.reason, `${what}: there is one`);
    }
  }
});

test('a request whose session is known is decided at once, without a turn of the event loop', async (t) => {
  const pipeline = pipelineOf({ config });
  t.notOk(decideHttp(pipeline, { path: '/staff', headers: as('ada') }) instanceof Promise);
  t.ok(decideHttp(pipeline, { path: '/staff', headers: as('slow-ada') }) instanceof Promise);
});

test('a handshake from another site is refused in any form, and a request is the rules’ matter', async (t) => {
  const headers = { ...as('ada'), origin: 'https://evil.example', upgrade: 'websocket' };
  const { http, upgrade, question } = await outcomesOf(pipelineOf({ config }), { path: '/a', headers });
  t.equal(http.kind, 'forward');
  t.equal(codeOf(upgrade), 'cross_site');
  t.equal(codeOf(question), 'cross_site');
});

test('what the gateway would answer in place of the application is never a yes to a proxy', async (t) => {
  const pipeline = pipelineOf({ config });
  const preflight = { origin: 'https://shop.example', 'access-control-request-method': 'PUT' };
  const asked = { method: 'OPTIONS', path: '/shop', headers: preflight };
  const back = { path: '/', headers: { ...page, cookie: 'signed-out=1' } };
  for (const [request, others] of [
    [asked, 'refuse'],
    [back, 'login'],
  ] as const) {
    const { http, upgrade, question } = await outcomesOf(pipeline, request);
    t.equal(http.kind, 'answer');
    t.equal(upgrade.kind, others);
    t.equal(question.kind, others);
  }
});

test("the gateway's own endpoints are answered by it alone", async (t) => {
  const outcomes = await outcomesOf(pipelineOf({ config }), { path: '/oauth2/hello' });
  t.equal(outcomes.http.kind, 'answer');
  t.equal(codeOf(outcomes.upgrade), 'unknown_endpoint');
  t.equal(codeOf(outcomes.question), 'untrusted_peer');
});

test('a fault in a stage is a refusal, and nothing that passes', async (t) => {
  const fault = new TypeError('a fault');
  const sessions = {
    currentOf: () => {
      throw fault;
    },
  };
  const pipeline = pipelineOf({ config, needs: { sessions } });
  t.match(await decideHttp(pipeline, { path: '/open' }), { kind: 'refuse', error: fault });
});

test('a login leads back to what was asked for, at the provider of the session where it asks for more', async (t) => {
  const pipeline = pipelineOf({ config });
  const first = await decideHttp(pipeline, { path: '/a?b=1', headers: page });
  t.match(first, { kind: 'login', wanted: { returnTo: `${origin}/a?b=1` } });
  const more = await decideHttp(pipeline, { path: '/strong', headers: { ...page, ...as('ada') } });
  t.match(more, {
    kind: 'step-up',
    wanted: { returnTo: `${origin}/strong`, providers: ['default'], stepUp: { acr: ['gold'] } },
  });
});

/** The code of the error that an outcome is, or would be for those who can lead nobody to a login. */
function codeOf(outcome: Outcome): string | undefined {
  if (outcome.kind === 'refuse')
    return outcome.error instanceof GatewayError ? outcome.error.code : undefined;
  return outcome.kind === 'login' || outcome.kind === 'step-up' ? outcome.code : undefined;
}

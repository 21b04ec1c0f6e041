import { readFileSync } from 'node:fs';
import { test } from 'tap';
import type { Clock } from '../../src/clock.ts';
import { GatewayError } from '../../src/errors.ts';
import type { Event } from '../../src/observe/events.ts';
import type { ObservedExchange } from '../../src/observe/observed-exchange.ts';
import { openObserve } from '../../src/observe/open-observe.ts';
import { lines } from '../../src/observe/sinks/log-lines.ts';
import type { Trace } from '../../src/observe/trace.ts';
import { text } from '../../src/pages/texts/text.ts';
import { createWoundClock } from '../support/clock.ts';
import { wrongOf } from '../support/log-schema.ts';
import { exchange } from './exchange.ts';

const traced: ObservedExchange = {
  ...exchange,
  trace: { id: '0af7651916cd43dd8448eb211c80319c', end() {}, failed() {} } as unknown as Trace,
};
const unread: ObservedExchange = {
  ...exchange,
  method: '',
  request: {},
  peer: { address: '192.0.2.1' },
  subject: undefined,
  person: undefined,
  destination: { error: new Error('no') },
  via: undefined,
  outcome: undefined,
  passage: undefined,
  answeredAt: 1001.26,
  answerBytes: 99,
};
const error = new Error('it broke, said Bearer abcdefgh1234');
const said = '"reason":"it broke, said Bearer [redacted]"';
const of = { provider: 'main', subject: 'ada', sessionId: 'session-1' };
const at = { requestId: 'id-1', client: '203.0.113.7' };
const who = '"provider":"main","subject":"ada"';
const large = 'the session is too large for session.maxCookieBytes';
const less = 'Ask for fewer groups or scopes, or keep sessions in Redis (session.store)';

type EventOf<K extends Event['kind']> = Omit<Extract<Event, { kind: K }>, 'kind'>;
/** An event without its kind, and the level, the fields as JSON and the message of its line. */
type Row<K extends Event['kind']> = readonly [EventOf<K>, level: string, fields: string, message: string];

/** The lines that operators and their programs read: nothing of them changes unnoticed. */
const rows = {
  'request-finished': [
    [
      { exchange, status: 200, durationMs: 12.3456 },
      'info',
      '"requestId":"id-1","method":"GET","host":"app.example:8443","path":"/a//b","status":200,"durationMs":12.3,"gatewayMs":0.6,"upstreamMs":10.1,"bytesIn":3,"bytesOut":4711,"route":"app.example/a","target":"http://legacy:8080","decision":"allow","subject":"ada","user":"Ada","client":"203.0.113.7","peer":"192.0.2.1","userAgent":"Mozilla/5.0"',
      'request',
    ],
    [
      {
        exchange: { ...traced, destination: unread.destination, passage: undefined },
        status: 400,
        durationMs: 7,
      },
      'info',
      '"requestId":"id-1","traceId":"0af7651916cd43dd8448eb211c80319c","method":"GET","host":"APP.example:8443","status":400,"durationMs":7,"gatewayMs":7,"bytesIn":0,"bytesOut":0,"decision":"allow","subject":"ada","user":"Ada","client":"203.0.113.7","peer":"192.0.2.1","userAgent":"Mozilla/5.0"',
      'request',
    ],
    [
      { exchange: unread, status: 400, durationMs: 7 },
      'info',
      '"requestId":"id-1","status":400,"durationMs":7,"gatewayMs":1.3,"bytesIn":0,"bytesOut":99,"decision":"refuse","peer":"192.0.2.1"',
      'request',
    ],
    [
      {
        exchange: {
          ...exchange,
          subject: 'a"\\\u009b',
          person: { user: '\u202e\n', bearer: true, provider: undefined },
          request: { headers: { 'user-agent': '"'.repeat(9000) } },
          destination: {
            target: { path: '/oauth2/auth', host: `${'h'.repeat(254)}🙂x` },
            resolution: { kind: 'endpoint' },
          },
          outcome: { kind: 'answer', reason: "the gateway's own" },
          passage: undefined,
          formAt: 1030,
          formBytes: 7,
        },
        status: 499,
        durationMs: 31,
      },
      'info',
      `"requestId":"id-1","method":"GET","host":"${'h'.repeat(254)}\ufffd…","path":"/oauth2/auth","status":499,"durationMs":31,"gatewayMs":1,"bytesIn":7,"bytesOut":0,"decision":"answer","subject":"a\\"\\\\\\u009b","user":"\\u202e\\n","client":"203.0.113.7","peer":"192.0.2.1","userAgent":"${'\\"'.repeat(511)}…"`,
      'request',
    ],
  ],
  'request-left': [
    [
      { exchange: { ...exchange, passage: { sentAt: 1001 } }, durationMs: 3.21 },
      'info',
      '"requestId":"id-1","method":"GET","host":"app.example:8443","path":"/a//b","status":499,"durationMs":3.2,"gatewayMs":1,"upstreamMs":2.2,"bytesIn":0,"bytesOut":0,"route":"app.example/a","decision":"allow","subject":"ada","user":"Ada","client":"203.0.113.7","peer":"192.0.2.1","userAgent":"Mozilla/5.0"',
      'request',
    ],
  ],
  'websocket-closed': [
    [
      { exchange, durationMs: 60_000.04 },
      'info',
      '"requestId":"id-1","durationMs":60000,"bytesIn":3,"bytesOut":4711,"route":"app.example/a","target":"http://legacy:8080","subject":"ada","client":"203.0.113.7","peer":"192.0.2.1"',
      'websocket closed',
    ],
  ],
  'request-refused': [
    [
      { exchange: traced, error: new GatewayError('not_signed_in') },
      'info',
      '"requestId":"id-1","code":"not_signed_in","status":401,"client":"203.0.113.7","subject":"ada","route":"app.example/a","target":"http://legacy:8080","traceId":"0af7651916cd43dd8448eb211c80319c"',
      'refused',
    ],
    [
      {
        exchange,
        error: new GatewayError('not_allowed', { detail: text('detail.scope_needed', { scope: 'none' }) }),
      },
      'info',
      '"requestId":"id-1","code":"not_allowed","status":403,"client":"203.0.113.7","subject":"ada","route":"app.example/a","target":"http://legacy:8080","reason":"It needs none."',
      'refused',
    ],
    [
      { exchange: unread, error: new GatewayError('ambiguous_path') },
      'info',
      '"requestId":"id-1","code":"ambiguous_path","status":400,"path":"/a//b"',
      'refused',
    ],
    [
      { exchange, error: new GatewayError('upstream_timeout', { cause: error }) },
      'warn',
      `"requestId":"id-1","code":"upstream_timeout","status":504,"client":"203.0.113.7","subject":"ada","route":"app.example/a","target":"http://legacy:8080",${said}`,
      'failed',
    ],
    [
      { exchange, error: new GatewayError('client_rejected', { cause: error }) },
      'error',
      `"requestId":"id-1","code":"client_rejected","status":503,"client":"203.0.113.7","subject":"ada","route":"app.example/a","target":"http://legacy:8080",${said}`,
      'failed',
    ],
    [
      {
        exchange,
        error: new GatewayError('internal', { cause: Object.assign(error, { stack: 'x\n at y\n at z' }) }),
      },
      'error',
      `"requestId":"id-1","code":"internal","status":500,"client":"203.0.113.7","subject":"ada","route":"app.example/a","target":"http://legacy:8080",${said},"stack":"at y | at z"`,
      'internal error',
    ],
  ],

  listening: [
    [
      { listen: '0.0.0.0:80', admin: undefined, publicUrl: ['https://a', 'https://b'] },
      'info',
      '"listen":"0.0.0.0:80","publicUrl":["https://a","https://b"]',
      'listening',
    ],
    [
      { listen: ['0.0.0.0:80', 'unix:/run/s'], admin: 'http://127.0.0.1:4181', publicUrl: ['https://a'] },
      'info',
      '"listen":["0.0.0.0:80","unix:/run/s"],"admin":"http://127.0.0.1:4181","publicUrl":["https://a"]',
      'listening',
    ],
  ],
  reloaded: [[{ by: 'SIGHUP', config: 'a.yaml' }, 'info', '"by":"SIGHUP","config":"a.yaml"', 'reloaded']],
  'reload-refused': [
    [
      { by: 'watch', problems: ['a.yaml:3: routes: expected a list of routes.'] },
      'error',
      '"by":"watch","problems":["a.yaml:3: routes: expected a list of routes."]',
      'reload refused; the configuration in force stays',
    ],
  ],
  'reload-off': [
    [{ by: 'SIGHUP' }, 'warn', '"by":"SIGHUP"', 'reload is off, so the configuration in force stays'],
  ],
  'listener-failed': [
    [
      { listen: '0.0.0.0:80', error: new Error('listen EADDRINUSE') },
      'error',
      '"listen":"0.0.0.0:80","reason":"listen EADDRINUSE"',
      'an address cannot be listened on',
    ],
  ],
  'keys-fixed': [
    [
      { keys: ['workers'] },
      'warn',
      '"keys":["workers"]',
      'these keys stay as they were until the gateway is started anew',
    ],
  ],
  'admin-call': [
    [
      { client: '192.0.2.1', method: 'POST', path: '/reload', status: 200 },
      'info',
      '"peer":"192.0.2.1","method":"POST","path":"/reload","status":200',
      'admin',
    ],
    [
      { client: 'unix', method: 'DELETE', path: '/sessions/{id}', status: 401 },
      'warn',
      '"peer":"unix","method":"DELETE","path":"/sessions/{id}","status":401',
      'admin',
    ],
  ],
  'admin-call-failed': [
    [{ path: '/config', error }, 'error', `"path":"/config",${said}`, 'an admin call failed'],
  ],
  'admin-port-taken': [
    [
      { port: 4181 },
      'warn',
      '"port":4181',
      'the standard port of the admin endpoints is taken; running without them (set admin.listen)',
    ],
  ],
  'silent-connection-closed': [
    [
      { client: '192.0.2.1', limit: 'limits.keepAlive' },
      'info',
      '"peer":"192.0.2.1","limit":"limits.keepAlive"',
      'a silent connection was closed',
    ],
  ],
  'requests-limited': [
    [
      { limit: 'rateLimit[0]', client: '192.0.2.1', refused: 7 },
      'warn',
      '"limit":"rateLimit[0]","peer":"192.0.2.1","refused":7',
      'requests were refused: there were too many',
    ],
  ],
  'connections-limited': [
    [
      { limit: 'limits.connections', client: '192.0.2.1', refused: 7 },
      'warn',
      '"limit":"limits.connections","peer":"192.0.2.1","refused":7',
      'connections were closed: there were too many',
    ],
  ],
  'clients-exempt': [
    [
      { who: ['the trusted proxies themselves'] },
      'info',
      '"who":["the trusted proxies themselves"]',
      'limits by client do not count everybody',
    ],
  ],
  'pipelining-connection-closed': [
    [
      { client: '192.0.2.1', waiting: 64 },
      'info',
      '"peer":"192.0.2.1","waiting":64',
      'a connection was closed: its client sends requests and does not wait for answers',
    ],
  ],
  'connections-turned-away': [
    [
      { dropped: 5, connections: 10, openFiles: 84 },
      'warn',
      '"dropped":5,"connections":10,"openFiles":84',
      'connections were turned away: the limit of open files is nearly reached (ulimit -n)',
    ],
  ],
  'connections-left-open': [
    [
      { connections: 3 },
      'warn',
      '"connections":3',
      'connections were still open at the end of the grace period',
    ],
  ],
  'certificate-reloaded': [[{ cert: '/c.pem' }, 'info', '"cert":"/c.pem"', 'certificate reloaded']],
  'certificate-unusable': [
    [{ cert: '/c.pem', error }, 'error', `"cert":"/c.pem",${said}`, 'the new certificate cannot be used'],
  ],
  'certificate-expiring': [
    [
      {
        key: 'listen.tls.cert',
        cert: '/c.pem',
        names: 'CN=a',
        standing: 'ending',
        notBefore: undefined,
        notAfter: '1970-01-11T00:00:00.000Z',
        daysLeft: 10,
      },
      'warn',
      '"key":"listen.tls.cert","cert":"/c.pem","names":"CN=a","notAfter":"1970-01-11T00:00:00.000Z","daysLeft":10',
      'a certificate ends soon: renew it',
    ],
    [
      {
        key: 'provider.privateKey',
        cert: undefined,
        names: 'CN=a',
        standing: 'ended',
        notBefore: undefined,
        notAfter: '1969-12-31T00:00:00.000Z',
        daysLeft: -1,
      },
      'error',
      '"key":"provider.privateKey","names":"CN=a","notAfter":"1969-12-31T00:00:00.000Z","daysLeft":-1',
      'a certificate has ended: renew it',
    ],
    [
      {
        key: 'provider.ca',
        cert: '/c.pem',
        names: 'CN=a',
        standing: 'not-yet-valid',
        notBefore: '1970-01-02T00:00:00.000Z',
        notAfter: '1970-02-01T00:00:00.000Z',
        daysLeft: 31,
      },
      'error',
      '"key":"provider.ca","cert":"/c.pem","names":"CN=a","notBefore":"1970-01-02T00:00:00.000Z","notAfter":"1970-02-01T00:00:00.000Z","daysLeft":31',
      'a certificate is not valid yet: is the clock right?',
    ],
  ],
  'target-repaired': [
    [
      { target: 'http://a', reason: 'odd' },
      'warn',
      '"target":"http://a","reason":"odd"',
      'answers of this target are repaired from now on',
    ],
  ],
  'target-out': [
    [
      { target: 'http://a', reason: 'late' },
      'warn',
      '"target":"http://a","reason":"late"',
      'a target is left out while there are others',
    ],
  ],
  'target-back': [
    [{ target: 'http://a' }, 'info', '"target":"http://a"', 'a target that was left out serves again'],
  ],

  starting: [
    [
      { config: 'environment', workers: 2 },
      'info',
      '"config":"environment","workers":2,"schema":1',
      'starting',
    ],
  ],
  'configuration-doubted': [[{ warning: 'Look at this.' }, 'warn', '', 'Look at this.']],
  draining: [[{}, 'info', '', 'draining']],
  stopping: [[{ signal: 'SIGTERM' }, 'info', '"signal":"SIGTERM"', 'stopping']],
  stopped: [[{}, 'info', '', 'stopped']],
  'stopping-failed': [[{ reason: 'Error: x' }, 'error', '"reason":"Error: x"', 'stopping failed']],
  'part-not-closed': [[{ error }, 'error', said, 'a part of the gateway did not close']],
  'worker-replaced': [[{ pid: 7 }, 'info', '"pid":7', 'a worker was asked to stop; another is started']],
  'worker-stuck': [[{ pid: 7 }, 'error', '"pid":7', 'a worker is stuck; it is ended']],
  'worker-behind': [
    [
      { pid: 7, error: new Error('late') },
      'error',
      '"pid":7,"reason":"late"',
      'a worker cannot take up the configuration in force; it is ended',
    ],
  ],
  'worker-ended': [
    [
      { pid: 7, code: null, signal: 'SIGKILL', pauseMs: 500 },
      'error',
      '"pid":7,"code":null,"signal":"SIGKILL","pauseMs":500',
      'a worker ended; another is started',
    ],
  ],
  'worker-overdue': [[{ pid: undefined }, 'error', '', 'a worker did not stop in time; it is ended']],
  'log-lines-dropped': [
    [{ lines: 9, reason: 'full' }, 'warn', '"lines":9,"reason":"full"', 'lines of the log were dropped'],
  ],
  'traces-not-exported': [
    [
      { error, collector: 'http://c:4318' },
      'warn',
      `"collector":"http://c:4318",${said}`,
      'traces do not reach the collector, and are lost',
    ],
  ],
  'traces-exported': [
    [{ lost: 7, collector: undefined }, 'info', '"lost":7', 'traces reach the collector again'],
  ],
  'sink-failed': [
    [
      { sink: 'metrics', error },
      'error',
      `"sink":"metrics",${said}`,
      'a sink of events failed; what it says may be incomplete',
    ],
  ],

  'audit-not-written': [
    [
      { reason: 'ENOSPC', waiting: 3 },
      'error',
      '"reason":"ENOSPC","waiting":3',
      'the audit cannot be written; its lines wait',
    ],
  ],
  'audit-written': [
    [{ reason: 'ENOSPC', lost: 0 }, 'info', '"reason":"ENOSPC","lost":0', 'the audit is written again'],
    [
      { reason: 'ENOSPC', lost: 7 },
      'error',
      '"reason":"ENOSPC","lost":7',
      'the audit is written again; lines of it are lost',
    ],
  ],
  'login-finished': [
    [{ ...of, user: 'Ada', ...at }, 'info', `"requestId":"id-1",${who},"client":"203.0.113.7"`, 'login'],
  ],
  'login-failed': [],
  'login-restarted': [
    [
      { provider: 'main', ...at },
      'info',
      '"requestId":"id-1","provider":"main"',
      'the provider did not take the authorization request; the login begins again',
    ],
  ],
  'login-late': [
    [
      { provider: 'main', reason: 'the state was used before', signedIn: false, ...at },
      'info',
      '"requestId":"id-1","provider":"main","reason":"the state was used before","signedIn":false',
      'a login came back late',
    ],
  ],
  'refresh-finished': [
    [{ renewal: 'refresh', ...of }, 'info', who, 'refresh'],
    [{ renewal: 'refresh of claims', ...of }, 'info', who, 'refresh of claims'],
  ],
  'refresh-failed': [
    [{ renewal: 'refresh', ...of, error }, 'warn', `${who},${said}`, 'refresh failed'],
    [
      { renewal: 'refresh of claims', ...of, error, retryAfter: 4 },
      'warn',
      `${who},${said},"retryAfter":4`,
      'refresh of claims failed',
    ],
  ],
  'session-ended': [
    [{ ...of, by: 'provider', reason: 'revoked' }, 'info', `${who},"reason":"revoked"`, 'session ended'],
  ],
  'sessions-ended': [
    [
      { user: 'ada@example.com', sessions: 2 },
      'info',
      '"user":"ada@example.com","sessions":2',
      'sessions ended by those who run the gateway',
    ],
    [
      { sessionId: 'id-1', sessions: undefined },
      'info',
      '"sessionId":"id-1"',
      'sessions ended by those who run the gateway',
    ],
  ],
  'session-too-large': [
    [
      { ...of, limit: 4096, isKept: true },
      'warn',
      `${who},"limit":4096`,
      `${large}: its ID token was left out. ${less}`,
    ],
    [{ ...of, limit: 4096, isKept: false }, 'warn', `${who},"limit":4096`, `${large}. ${less}`],
  ],
  'signed-out': [
    [
      { ...of, user: 'Ada', ...at, everywhere: true },
      'info',
      `"requestId":"id-1",${who},"client":"203.0.113.7","everywhere":true`,
      'logout',
    ],
  ],
  'sign-out-not-kept': [
    [{ error, ...at }, 'error', `"requestId":"id-1",${said}`, 'logout was not written down'],
    [
      { provider: 'main', subject: 'ada', error, ...at },
      'error',
      `"requestId":"id-1",${who},${said}`,
      'logout was not written down',
    ],
  ],
  'token-not-revoked': [
    [
      { provider: 'main', token: 'access_token', error, ...at },
      'warn',
      `"requestId":"id-1","provider":"main","token":"access_token",${said}`,
      'a token could not be revoked',
    ],
    [
      { provider: 'main', token: 'refresh_token', error },
      'warn',
      `"provider":"main","token":"refresh_token",${said}`,
      'a token could not be revoked',
    ],
  ],
  'logout-address-failed': [
    [
      { provider: 'main', error },
      'warn',
      `"provider":"main",${said}`,
      'the logout address could not be built',
    ],
  ],
  'back-channel-logout': [
    [
      { provider: 'main', by: 'sid', subject: undefined, ...at },
      'info',
      '"requestId":"id-1","provider":"main","by":"sid","client":"203.0.113.7"',
      'back-channel logout',
    ],
  ],
  'front-channel-logout': [
    [
      { provider: 'main', origin: 'https://a', ...at },
      'info',
      '"requestId":"id-1","provider":"main","origin":"https://a","client":"203.0.113.7"',
      'front-channel logout',
    ],
  ],

  'provider-called': [],
  'provider-found': [
    [
      { provider: 'main', issuer: 'https://i' },
      'info',
      '"provider":"main","issuer":"https://i"',
      'provider found',
    ],
  ],
  'provider-not-found': [
    [
      { provider: 'main', issuer: 'https://i', error, retryMs: 250, isKnown: false },
      'warn',
      `"provider":"main","issuer":"https://i",${said},"retryMs":250`,
      'provider not found',
    ],
    [
      { provider: 'main', issuer: 'https://i', error, retryMs: 250, isKnown: true },
      'warn',
      `"provider":"main","issuer":"https://i",${said},"retryMs":250`,
      'provider metadata could not be refreshed; the known metadata stays in use',
    ],
  ],
  'provider-lacks': [
    [
      { provider: 'main', reason: 'no PAR' },
      'warn',
      '"provider":"main","reason":"no PAR"',
      'the provider does not offer what is configured',
    ],
  ],
  'provider-unnamed': [
    [
      { provider: 'main' },
      'warn',
      '"provider":"main"',
      'this provider does not name itself in its answers: where you do not trust all providers alike, set its ownCallback, and register that redirect URI',
    ],
  ],
  'client-rejected': [
    [
      { provider: 'main', endpoint: 'https://i/token', status: 401, error, lookAt: ['provider.clientId'] },
      'error',
      `"code":"client_rejected","provider":"main","endpoint":"https://i/token","status":401,${said},"lookAt":["provider.clientId"]`,
      'the provider does not accept the gateway as its client',
    ],
  ],
  'claims-not-refreshed': [
    [{ provider: 'main', error }, 'warn', `"provider":"main",${said}`, 'claims could not be refreshed'],
  ],
  'claims-missing': [
    [
      { provider: 'main', from: 'userinfo', error },
      'warn',
      `"provider":"main",${said}`,
      'userinfo failed; its claims are missing',
    ],
    ...(['sources', 'access token'] as const).map(
      (from): Row<'claims-missing'> => [
        { provider: 'main', from, error },
        'warn',
        `"provider":"main",${said}`,
        `${from} failed; its claims are missing`,
      ],
    ),
  ],
  'claim-absent': [
    [
      { provider: 'main', claim: 'realm_access.roles' },
      'warn',
      '"provider":"main","claim":"realm_access.roles"',
      'rules or headers name the claim realm_access.roles, and neither the ID token nor userinfo has it: ask for its scope, or have the provider add it',
    ],
  ],
  'clock-differs': [
    [
      { provider: 'main', seconds: 300 },
      'error',
      '"provider":"main","seconds":300',
      "this machine's clock and that of the provider differ by 300 seconds: this one is behind",
    ],
    [
      { provider: 'main', seconds: -90 },
      'error',
      '"provider":"main","seconds":-90',
      "this machine's clock and that of the provider differ by 90 seconds: this one is ahead",
    ],
  ],
  'claim-source-doubted': [
    [{ provider: 'main', reason: '403' }, 'warn', '"provider":"main","reason":"403"', 'claim source'],
  ],
  'groups-doubted': [
    [
      {
        provider: 'main',
        claim: 'groups',
        advice: 'the claim groups is one text with blanks, which counts as one group',
      },
      'warn',
      '"provider":"main","claim":"groups"',
      'the claim groups is one text with blanks, which counts as one group',
    ],
  ],
  'provider-sends-no-sid': [
    [
      { provider: 'main' },
      'warn',
      '"provider":"main"',
      'the provider sends no sid: its logouts end every session of a person, or the one whose cookie comes along',
    ],
  ],
  'upstream-token-taken': [
    [{ provider: 'main', way: 'exchange' }, 'debug', '"provider":"main","way":"exchange"', 'upstream token'],
  ],
  'upstream-token-failed': [
    [
      { provider: 'main', way: 'exchange', error },
      'warn',
      `"provider":"main","way":"exchange",${said}`,
      'no upstream token',
    ],
    [
      { provider: 'main', way: 'exchange', error, retryAfter: 2 },
      'warn',
      `"provider":"main","way":"exchange",${said},"retryAfter":2`,
      'no upstream token: the provider is out',
    ],
  ],
  'upstream-token-not-renewed': [[{ error }, 'debug', said, 'an upstream token could not be renewed yet']],

  'store-asked': [],
  'sessions-in-memory': [
    [{}, 'warn', '', 'sessions are kept in memory: a restart of the gateway signs everybody out'],
  ],
  'store-out': [
    [
      { concerns: 'all', reason: 'ECONNREFUSED' },
      'warn',
      '"reason":"ECONNREFUSED"',
      'Redis is not reachable',
    ],
    [{ concerns: 'writes', reason: 'OOM' }, 'warn', '"reason":"OOM"', 'Redis takes no writes'],
  ],
  'store-back': [[{}, 'info', '', 'Redis is reachable']],
  'store-refused': [[{ reason: 'NOPERM' }, 'warn', '"reason":"NOPERM"', 'Redis refused a command']],
  'store-deaf': [[{ error }, 'warn', said, 'Redis does not pass on what instances tell each other']],
  'store-heard': [[{}, 'info', '', 'Redis passes on what instances tell each other']],
  'sign-outs-not-loaded': [[{ error }, 'warn', said, 'sign-outs were not loaded']],
  'refresh-not-shared': [[{ error }, 'warn', said, 'a refresh could not be shared with other instances yet']],
} satisfies { [K in Event['kind']]: readonly Row<K>[] };

for (const [kind, cases] of Object.entries(rows)) {
  for (const [fields, level, json, message] of cases) {
    test(`the line of ${kind}: ${level} ${message}`, async (t) => {
      const written: string[] = [];
      const options = {
        level: 'debug',
        pretty: false,
        destination: { write: (line: string) => written.push(line) },
      } as const;
      const clock: Clock = { ...createWoundClock(), now: () => 0 };
      openObserve(options, { clock }).emit({ kind, ...fields } as Event);
      const time = '1970-01-01T00:00:00.000Z';
      t.same(written, [`{"level":"${level}","time":"${time}"${json && `,${json}`},"msg":"${message}"}\n`]);
      t.equal(wrongOf(JSON.parse(written.join(''))), undefined, 'as the schema says');
    });
  }
}

test('nothing but events has a line, and each event that has none says so', async (t) => {
  t.same(Object.keys(lines).sort(), Object.keys(rows).sort());
  const silent = Object.entries(lines).filter(([, line]) => line === null);
  t.same(
    silent.map(([kind]) => kind),
    ['login-failed', 'provider-called', 'store-asked'],
  );
});

test('a line that the level leaves out is not written, that of a request included', async (t) => {
  const written: string[] = [];
  const options = {
    level: 'warn',
    pretty: false,
    destination: { write: (line: string) => written.push(line) },
  } as const;
  const { emit } = openObserve(options, { clock: createWoundClock() });
  emit({ kind: 'request-finished', exchange, status: 200, durationMs: 1 });
  emit({ kind: 'login-finished', ...of, user: 'Ada', ...at });
  t.same(written, []);
  emit({ kind: 'sessions-in-memory' });
  t.equal(written.length, 1);
});

test('the schema refuses what is not documented', async (t) => {
  const good = { level: 'info', time: '1970-01-01T00:00:00.000Z', msg: 'stopped' };
  t.equal(wrongOf(good), undefined);
  t.match(wrongOf({ ...good, secret: 'x' }), 'additional');
  t.match(wrongOf({ ...good, status: '200' }), 'integer');
  t.match(wrongOf({ ...good, level: 30 }), 'enum');
  t.match(wrongOf({ ...good, msg: 'request' }), 'requestId');
});

test('each field that the schema has is in some line', async (t) => {
  const file = new URL('../../../config/sallyport-log.schema.json', import.meta.url);
  const { properties } = JSON.parse(readFileSync(file, 'utf8')) as { properties: object };
  const all = Object.values(rows).flatMap((cases) =>
    (cases as readonly Row<Event['kind']>[]).flatMap(([, , json]) => Object.keys(JSON.parse(`{${json}}`))),
  );
  // Those of every line, and what only a configuration asks for.
  const seen = new Set([...all, 'level', 'time', 'msg', 'headers']);
  t.same(
    Object.keys(properties).filter((name) => !seen.has(name)),
    [],
  );
});

/** What `docs/logging.md` says of lines: a message, in which `…` stands for any text, and its levels. */
function documented(): { pattern: string; matches: RegExp; levels: string[] }[] {
  const page = readFileSync(new URL('../../../docs/logging.md', import.meta.url), 'utf8');
  const [, table = ''] = page.split('## Other lines\n\n| `msg` | level | when |\n');
  return [...table.matchAll(/^\| (`.*?`|\*.*?\*) \| ([a-z, ]+) \|/gm)].flatMap(([, cell = '', levels = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, pattern = '']) => ({
      pattern,
      matches: new RegExp(
        `^${pattern
          .split('…')
          .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
          .join('.*')}$`,
      ),
      levels: levels.split(', '),
    })),
  );
}

test('docs/logging.md has each line with its level, and no other', async (t) => {
  // The message is the sentence about the configuration; requests have a part of the page of their own.
  const elsewhere = ['configuration-doubted', 'request-finished', 'request-left'];
  const written = Object.entries(rows)
    .filter(([kind]) => !elsewhere.includes(kind))
    .flatMap(([, cases]) =>
      (cases as readonly Row<Event['kind']>[]).map(([, level, , message]) => ({ level, message })),
    );
  const known = documented();
  const told = (line: { level: string; message: string }) =>
    known.some(({ matches, levels }) => matches.test(line.message) && levels.includes(line.level));
  t.same(
    written.filter((line) => !told(line)),
    [],
    'each line has a row',
  );
  const isWritten = ({ matches, levels }: (typeof known)[number]) =>
    levels.some((level) => written.some((line) => line.level === level && matches.test(line.message)));
  t.same(
    known.filter((row) => !isWritten(row)).map(({ pattern }) => pattern),
    [],
    'each row is of a line',
  );
});

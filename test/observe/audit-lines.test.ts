import { type Test, test } from 'tap';
import { GatewayError } from '../../src/errors.ts';
import type { AuditOptions } from '../../src/observe/audit-events.ts';
import type { Event } from '../../src/observe/events.ts';
import { openObserve, sinkOptions } from '../../src/observe/open-observe.ts';
import { auditLines } from '../support/audit-lines.ts';
import { createWoundClock } from '../support/clock.ts';
import { exchange } from './exchange.ts';

const at = { requestId: 'id-1', client: '203.0.113.7' };
const of = { provider: 'main', user: 'Ada', subject: 'ada', sessionId: 's-1' };

/** The audit alone, in lines that are handed over as they are written. */
function arrange({ audit = {}, secrets = [] }: { audit?: AuditOptions; secrets?: string[] } = {}) {
  const written: string[] = [];
  const destination = { write: (line: string) => written.push(line) };
  const clock = { ...createWoundClock(), now: () => 0 };
  const observe = openObserve({ level: 'silent', pretty: false, destination, audit }, { clock });
  observe.keepSecrets(secrets);
  return { ...observe, written, lines: () => auditLines(written.join('')) };
}

const denied: Event = {
  kind: 'request-refused',
  exchange: {
    ...exchange,
    outcome: { kind: 'refuse', decision: 'deny', reason: 'allow[0]: groups does not hold' },
  },
  error: new GatewayError('not_allowed', { cause: new Error('allow[0]: groups does not hold') }),
};

const refused = (code: ConstructorParameters<typeof GatewayError>[0], cause?: Error): Event => ({
  kind: 'request-refused',
  exchange: { ...exchange, outcome: undefined },
  error: new GatewayError(code, cause && { cause }),
});

const whose =
  '"requestId":"id-1","client":"203.0.113.7","user":"Ada","subject":"ada","provider":"main","sessionId":"s-1"';
const request =
  '"requestId":"id-1","client":"203.0.113.7","user":"Ada","subject":"ada","provider":"default","sessionId":"session-1","method":"GET","path":"/a//b","route":"app.example/a"';

/** What is told, and the line of it behind what every line has. */
const rows: readonly [event: Event, line: string | undefined][] = [
  [{ kind: 'login-finished', ...of, ...at }, `"event":"login",${whose}`],
  [
    { kind: 'login-failed', provider: 'main', code: 'login_refused', error: new Error('no'), ...at },
    '"event":"login_failed","requestId":"id-1","client":"203.0.113.7","provider":"main","code":"login_refused","reason":"no"',
  ],
  [
    denied,
    `"event":"access_denied",${request},"code":"not_allowed","rule":"allow[0]: groups does not hold","status":403`,
  ],
  [refused('cross_site'), `"event":"access_denied",${request},"code":"cross_site","status":403`],
  [
    refused('token_invalid', new Error('it has expired')),
    `"event":"bearer_rejected",${request},"code":"token_invalid","status":401,"reason":"it has expired"`,
  ],
  [refused('step_up_required'), `"event":"access_denied",${request},"code":"step_up_required","status":401`],
  [
    refused('logout_token_invalid'),
    `"event":"logout_token_rejected",${request},"code":"logout_token_invalid","status":400`,
  ],
  // These have a line of their own, or none.
  [refused('login_not_admitted'), undefined],
  [refused('step_up_failed'), undefined],
  [refused('not_signed_in'), undefined],
  [refused('token_missing'), undefined],
  [refused('ambiguous_path'), undefined],
  [refused('upstream_timeout'), undefined],
  [
    { kind: 'signed-out', ...of, everywhere: false, ...at },
    `"event":"sign_out",${whose},"by":"person","everywhere":false`,
  ],
  [
    { kind: 'sign-out-not-kept', ...of, error: new Error('out'), ...at },
    `"event":"sign_out_not_kept",${whose},"by":"person","reason":"out"`,
  ],
  [
    { kind: 'session-ended', ...of, by: 'operator', reason: 'ended' },
    '"event":"session_ended","user":"Ada","subject":"ada","provider":"main","sessionId":"s-1","reason":"ended","by":"operator"',
  ],
  [
    { kind: 'sessions-ended', user: 'ada', sessions: 2 },
    '"event":"sessions_ended","user":"ada","by":"operator","sessions":2',
  ],
  [
    { kind: 'back-channel-logout', provider: 'main', by: 'subject', subject: 'ada', ...at },
    '"event":"sessions_ended","requestId":"id-1","client":"203.0.113.7","subject":"ada","provider":"main","by":"provider_back_channel"',
  ],
  [
    { kind: 'front-channel-logout', provider: 'main', origin: 'https://a', ...at },
    '"event":"sessions_ended","requestId":"id-1","client":"203.0.113.7","provider":"main","by":"provider_front_channel"',
  ],
  [
    { kind: 'reloaded', by: 'SIGHUP', config: '/etc/s.yaml' },
    '"event":"reload","by":"SIGHUP","config":"/etc/s.yaml"',
  ],
  [
    { kind: 'reload-refused', by: 'watch', problems: ['one.', 'two.'] },
    '"event":"reload_refused","reason":"one. two.","by":"watch"',
  ],
  [{ kind: 'reload-off', by: 'admin' }, '"event":"reload_refused","reason":"`reload` is off","by":"admin"'],
  [
    { kind: 'admin-call', client: 'unix', method: 'DELETE', path: '/sessions', status: 200 },
    '"event":"admin_call","client":"unix","method":"DELETE","path":"/sessions","status":200',
  ],
  [{ kind: 'audit-written', reason: 'ENOSPC', lost: 3 }, '"event":"lines_lost","reason":"ENOSPC","lost":3'],
  [{ kind: 'audit-written', reason: 'ENOSPC', lost: 0 }, undefined],
  [{ kind: 'request-finished', exchange, status: 200, durationMs: 1 }, undefined],
];

for (const [event, line] of rows) {
  const { kind } = event;
  const which = 'error' in event && event.error instanceof GatewayError ? ` ${event.error.code}` : '';
  test(`the line of ${kind}${which}: ${line?.slice(0, 50) ?? 'none'}`, async (t) => {
    const { emit, written, lines } = arrange();
    emit(event);
    const [, first, ...rest] = /^("event":"\w+")(.*)$/.exec(line ?? '') ?? [];
    const expected = `{"time":"1970-01-01T00:00:00.000Z",${first},"v":1,"pid":${process.pid}${rest.join('')}}\n`;
    t.same(written, line === undefined ? [] : [expected]);
    t.equal(lines().length, written.length);
  });
}

test('`include` chooses', async (t) => {
  const { emit, lines } = arrange({ audit: { include: ['login'] } });
  for (const [event] of rows) emit(event);
  t.same(
    lines().map(({ event }) => event),
    ['login'],
  );
});

test('the level of the log changes nothing, and `audit: off` ends it', async (t) => {
  const { emit, apply, written, lines } = arrange();
  const access = { skip: [], sample: 1, headers: [] };
  const logging = { level: 'silent', format: 'json', access } as const;
  emit(denied);
  t.equal(lines().length, 1);
  apply({ logging, audit: 'off', metrics: 'off', tracing: 'off' });
  emit(denied);
  t.equal(written.length, 1);
  apply({ logging, audit: {}, metrics: 'off', tracing: 'off' });
  emit({ kind: 'login-finished', ...of, ...at });
  t.equal(lines().at(-1)?.event, 'login');
  t.notOk(sinkOptions({ logging, audit: 'off' }).audit, 'from the start, too');
  t.ok(sinkOptions({ logging, audit: {} }).audit);
});

const evil = [
  'ada\r\n{"time":"1970-01-01T00:00:00.000Z","event":"login","v":1,"pid":1,"user":"root"}',
  '"},{"user":"root"}',
  '\u0000\u001b[2J\u009b\u202e\u2028\u2029\ud800',
  '\\","event":"login',
];

/** Each is one line, which says the same user. */
function isOneLine(t: Test, written: readonly string[], user: string) {
  t.equal(written.length, 1);
  t.equal(written[0]?.indexOf('\n'), (written[0]?.length ?? 0) - 1);
  t.notMatch(written[0], /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}](?!$)/u);
  const [line] = auditLines(written.join(''));
  t.equal(line?.event, 'access_denied');
  t.equal(line?.user, user.toWellFormed());
}

for (const [number, user] of evil.entries()) {
  test(`a name adds neither a line nor a field: ${number}`, async (t) => {
    const { emit, written } = arrange();
    const person = { user, bearer: false, provider: 'main' };
    const headers = { 'user-agent': user, host: user };
    emit({ ...denied, exchange: { ...denied.exchange, person, request: { headers } } } as Event);
    isOneLine(t, written, user);
  });
}

test('whatever a client or a provider says, a line fits one write to a pipe', async (t) => {
  for (const one of ['x', '\u0007', '🙂', '"']) {
    const long = one.repeat(1_000_000);
    const { emit, written, lines } = arrange();
    const destination = {
      target: { path: `/${long}`, host: 'a' },
      resolution: { kind: 'route', route: { label: long } },
    } as const;
    const person = { user: long, bearer: true, provider: long };
    const error = new GatewayError('not_allowed', { cause: new Error(long) });
    const whole = { ...exchange, person, destination, requestId: 'id', subject: long, session: undefined };
    emit({ kind: 'request-refused', exchange: whole, error });
    t.ok(Buffer.byteLength(written.join('')) <= 4096, `${Buffer.byteLength(written.join(''))} bytes`);
    t.equal(lines()[0]?.code, 'not_allowed');
  }
});

test('no token and no known secret is in a line', async (t) => {
  const { emit, written } = arrange({ secrets: ['correct horse'] });
  const token = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ';
  const said = Object.assign(new Error('server responded with an error'), {
    error: 'invalid_grant',
    error_description: `the token ${token} of correct horse is Bearer abcdefghij0123456789`,
  });
  emit({ kind: 'login-failed', provider: 'main', code: 'login_refused', error: said, ...at });
  const destination = {
    target: { path: `/reset/${token}/correct horse`, host: 'a' },
    resolution: { kind: 'endpoint' },
  } as const;
  const person = { user: 'correct horse', bearer: false, provider: 'main' };
  emit({ ...denied, exchange: { ...exchange, person, destination } } as Event);
  t.equal(auditLines(written.join('')).length, 2);
  t.notMatch(written.join(''), /correct horse|c2lnbmF0dXJl|eyJzdWIi|abcdefghij/);
});

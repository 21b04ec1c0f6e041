import { test } from 'tap';
import { type ErrorCode, GatewayError } from '../../src/errors.ts';
import {
  durationOf,
  figuresOfEnded,
  figuresTogether,
  openFigures,
  places,
  plottedSlots,
  routePlaces,
  slotMs,
} from '../../src/observe/figures/figures.ts';
import type { SlotRead } from '../../src/observe/figures/slots.ts';
import type { ObservedExchange } from '../../src/observe/observed-exchange.ts';
import { createWoundClock } from '../support/clock.ts';
import { exchange } from './exchange.ts';

const refused: ObservedExchange = {
  ...exchange,
  outcome: { kind: 'refuse', reason: 'none holds: allow[0].groups', decision: 'deny' },
};

/** A time at the beginning of a minute, which goes on as it is wound. */
function arrange(secrets: readonly string[] = []) {
  const clock = createWoundClock();
  let now = Date.UTC(2026, 10, 27, 20);
  const figures = openFigures({ now: () => now }, (text) =>
    secrets.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text),
  );
  const wind = (ms: number) => {
    now += ms;
  };
  return { figures, wind, clock, now: () => now };
}

const sum = (slots: readonly SlotRead[], place: number) =>
  slots.flatMap(({ counts }) => counts).reduce((all, [at, count]) => (at === place ? all + count : all), 0);

test('requests are counted by what became of them, for half an hour', (t) => {
  const { figures, wind } = arrange();
  for (let at = 0; at < 10; at++) figures.count(exchange, 200, 12);
  figures.count(exchange, 502, 12);
  figures.count(refused, 403, 1);
  const { slots, routes } = figures.read();
  t.equal(sum(slots, places.requests), 12);
  t.equal(sum(slots, places.failed), 1);
  t.equal(sum(slots, places.refused), 1);
  t.same(
    routes.map(([label]) => label),
    ['app.example/a'],
  );
  t.equal(sum(routes[0]?.[1] ?? [], routePlaces.requests), 12);
  wind((plottedSlots - 1) * slotMs);
  t.equal(sum(figures.read().slots, places.requests), 12);
  wind(slotMs);
  t.equal(sum(figures.read().slots, places.requests), 0, 'then it is over');
  figures.count(exchange, 200, 12);
  t.equal(sum(figures.read().slots, places.requests), 1, 'and its place is used again, empty');
  t.end();
});

test('durations are told apart by a fifth, from a tenth of a millisecond to minutes', (t) => {
  for (const ms of [0.11, 1, 12, 99, 1234, 60_000]) {
    const { figures } = arrange();
    figures.count(exchange, 200, ms);
    const [slot] = figures.read().slots;
    const [place] = slot?.counts.find(([each]) => each >= places.durations) ?? [0];
    const shown = durationOf(place - places.durations);
    t.ok(Math.abs(shown / ms - 1) < 0.2, `${ms} ms is shown as ${shown}`);
  }
  const { figures } = arrange();
  for (const ms of [-1, 0, Number.NaN, 1e12]) figures.count(exchange, 200, ms);
  t.equal(sum(figures.read().slots, places.requests), 4, 'odd ones count, and break nothing');
  t.end();
});

test('a refusal says who was refused what and why, and nothing that was said in secret', (t) => {
  const { figures } = arrange(['the-secret-of-it']);
  figures.count(
    {
      ...refused,
      rawTarget: '/reset/eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.?code=secret#frag',
      destination: {
        target: { path: '/reset/eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0./the-secret-of-it', host: 'app.example' },
        resolution: { kind: 'route', route: { label: 'app.example/a' } },
      },
      person: { user: 'evil\u202euser\u0007', bearer: false, provider: 'default' },
    },
    403,
    1,
  );
  const [row] = figures.read().refusals;
  t.match(row, { status: 403, reason: 'none holds: allow[0].groups', route: 'app.example/a', times: 1 });
  t.equal(row?.path, '/reset/[token]/[redacted]');
  t.equal(row?.user, 'evil\\u202euser\\u0007', 'what acts on a viewer is shown as an escape');
  t.equal(row?.client, '203.0.113.7');
  t.end();
});

test('of what could not be read the path is shown as it came, without query and fragment', (t) => {
  const { figures } = arrange();
  const unread = (rawTarget: string): ObservedExchange => ({
    ...exchange,
    rawTarget,
    outcome: undefined,
    destination: { error: new GatewayError('ambiguous_path') },
  });
  figures.count(unread('/a/..%2fb?token=abc'), 400, 1);
  t.match(figures.read().refusals[0], { path: '/a/..%2fb', reason: 'ambiguous_path', route: undefined });
  figures.count(unread('/x#token=abc'), 400, 1);
  t.equal(figures.read().refusals[0]?.path, '/x');
  t.end();
});

test('what passes, leads to a login or fails is no refusal', (t) => {
  const { figures } = arrange();
  figures.count(exchange, 200, 1);
  figures.count(exchange, 403, 1);
  figures.count({ ...exchange, outcome: { kind: 'login', reason: 'nobody is signed in' } }, 302, 1);
  const failure = { kind: 'refuse', reason: 'x', error: new GatewayError('upstream_unreachable') } as const;
  figures.count({ ...exchange, outcome: failure }, 502, 1);
  figures.count({ ...refused, isTurnedAway: true }, 429, 1);
  t.same(figures.read().refusals, []);
  figures.limited({ kind: 'requests-limited', limit: 'rateLimit[0]', client: '203.0.113.7', refused: 40 });
  figures.limited({ kind: 'requests-limited', limit: 'rateLimit[0]', client: '203.0.113.7', refused: 2 });
  t.match(figures.read().refusals, [{ reason: 'rateLimit[0]', client: '203.0.113.7', times: 42 }]);
  t.end();
});

test('fifty are known, and who goes on asking pushes nobody out', (t) => {
  const { figures } = arrange();
  const by = (client: string, path = '/x', host = 'app.example'): ObservedExchange => ({
    ...refused,
    peer: { address: client, clientAddress: client },
    destination: {
      target: { path, host },
      resolution: { kind: 'route', route: { label: 'app.example/a' } },
    },
  });
  figures.count(by('192.0.2.1'), 403, 1);
  for (let at = 0; at < 10_000; at++) figures.count(by('192.0.2.66', `/${at}`, `h${at}.example`), 403, 1);
  const { refusals } = figures.read();
  t.equal(refusals.length, 2);
  t.match(refusals[0], { client: '192.0.2.66', times: 10_000, path: '/9999' });
  figures.limited({ kind: 'requests-limited', limit: 'rateLimit[0]', client: '192.0.2.2', refused: 1 });
  for (let at = 0; at < 1000; at++)
    figures.count(by(`10.0.${at >> 8}.${at & 255}`, '/x'.repeat(4000)), 403, 1);
  t.match(
    figures.read().refusals.at(-1),
    { reason: 'rateLimit[0]' },
    'nor do many who are refused one thing',
  );
  for (let at = 0; at < 1000; at++)
    figures.count(
      { ...by('192.0.2.3'), person: { user: `u${at}`, bearer: true, provider: '' } },
      403 + (at % 9),
      1,
    );
  for (let at = 0; at < 1000; at++)
    figures.limited({
      kind: 'requests-limited',
      limit: `l${at}`,
      client: `192.0.2.${at % 250}`,
      refused: 1,
    });
  const read = figures.read();
  t.equal(read.refusals.length, 50);
  t.equal(read.refusals[0]?.reason, 'l999', 'the latest first');
  t.ok(JSON.stringify(read.refusals).length < 50 * 1000, 'and long ones are cut');
  t.end();
});

test('one client pushes nobody out, by all addresses of its network and by all that can be refused', (t) => {
  const { figures } = arrange();
  const by = (client: string, code: ErrorCode, label: string): ObservedExchange => ({
    ...refused,
    peer: { address: client, clientAddress: client },
    outcome: { kind: 'refuse', reason: code, error: new GatewayError(code) },
    destination: {
      target: { path: '/x', host: 'app.example' },
      resolution: { kind: 'route', route: { label } },
    },
  });
  figures.count(by('192.0.2.1', 'not_allowed', '/a'), 403, 1);
  const codes: ErrorCode[] = ['not_allowed', 'cross_site', 'method_not_allowed', 'token_invalid'];
  for (let at = 0; at < 1000; at++)
    for (const [number, code] of codes.entries())
      figures.count(by(`2001:db8::${at.toString(16)}`, code, `/${(at + number) % 20}`), 403, 1);
  const { refusals } = figures.read();
  t.equal(refusals.at(-1)?.client, '192.0.2.1');
  t.equal(refusals.length, 16);
  const together = figuresTogether([
    figures.read(),
    ...['3', '4', '5'].map((network) => ({
      ...figures.read(),
      refusals: refusals
        .slice(0, -1)
        .map((row, at) => ({ ...row, client: `2001:db8::${network}`, route: `/w${network}${at}` })),
    })),
  ]);
  t.equal(together.refusals.at(-1)?.client, '192.0.2.1', 'nor by asking several processes');
  t.end();
});

test('a target that is out, until it is back', (t) => {
  const { figures, wind, now } = arrange();
  const since = now();
  figures.targetOut({ kind: 'target-out', target: 'http://a:1', reason: 'ECONNREFUSED' });
  wind(1000);
  figures.targetOut({ kind: 'target-out', target: 'http://a:1', reason: 'status 500' });
  t.same(figures.read().out, [['http://a:1', since, 'ECONNREFUSED']]);
  figures.targetBack({ kind: 'target-back', target: 'http://a:1' });
  t.same(figures.read().out, []);
  t.end();
});

test('several processes are as one, those that have ended included', (t) => {
  const [one, other] = [arrange(), arrange()];
  for (const { figures } of [one, other]) {
    figures.count(exchange, 200, 12);
    figures.count(refused, 403, 1);
  }
  other.figures.targetOut({ kind: 'target-out', target: 'http://a:1', reason: 'ECONNREFUSED' });
  const together = figuresTogether([one.figures.read(), other.figures.read()]);
  t.equal(sum(together.slots, places.requests), 4);
  t.equal(sum(together.routes[0]?.[1] ?? [], routePlaces.requests), 4);
  t.match(together.refusals, [{ times: 2 }]);
  t.equal(together.out.length, 1);

  let ended = figuresOfEnded([together], one.now());
  t.same(ended.out, [], 'what somebody who is gone has left out is not out');
  t.equal(sum(ended.slots, places.requests), 4);
  for (let at = 0; at < 100; at++) ended = figuresOfEnded([ended, one.figures.read()], one.now());
  t.ok(ended.slots.length <= plottedSlots && ended.refusals.length <= 50, 'it does not grow');
  t.same(figuresOfEnded([ended], one.now() + plottedSlots * slotMs).routes, [], 'and is forgotten in time');
  t.end();
});

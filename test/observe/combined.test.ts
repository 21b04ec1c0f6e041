import { test } from 'tap';
import type { Clock } from '../../src/clock.ts';
import { GatewayError } from '../../src/errors.ts';
import type { Event } from '../../src/observe/events.ts';
import type { ObservedExchange } from '../../src/observe/observed-exchange.ts';
import { createWoundClock } from '../support/clock.ts';
import { observeInto } from '../support/observe.ts';
import { exchange } from './exchange.ts';

/** What is written of an event in the combined format, 12 ms after midnight of a day in 2026. */
function lineOf(event: Event): string {
  const written: string[] = [];
  const clock: Clock = { ...createWoundClock(), now: () => Date.UTC(2026, 0, 5, 23, 4, 9) + 12 };
  observeInto((line) => written.push(line), { clock, combined: true, level: 'debug' }).emit(event);
  return written.join('');
}

const finished = (change: Partial<ObservedExchange>, status = 200) =>
  lineOf({ kind: 'request-finished', exchange: { ...exchange, ...change }, status, durationMs: 12 });

/** The expression by which programs read this format, with what may stand in quotes. */
const combined =
  /^(\S+) (\S+) (\S+) \[([\w:/]+ [+-]\d{4})\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"\n$/;

test('a request is written as Apache writes it', async (t) => {
  const referer = 'https://app.example/list?code=secret#x';
  t.equal(
    finished({ request: { ...exchange.request, headers: { 'user-agent': 'Mozilla/5.0 (X11)', referer } } }),
    '203.0.113.7 - Ada [05/Jan/2026:23:04:09 +0000] "GET /a//b HTTP/1.1" 200 4711 "https://app.example/list" "Mozilla/5.0 (X11)"\n',
  );
  t.equal(
    lineOf({ kind: 'request-left', exchange: { ...exchange, request: {} }, durationMs: 13_000 }),
    '203.0.113.7 - Ada [05/Jan/2026:23:03:56 +0000] "GET /a//b HTTP/1.1" 499 4711 "-" "-"\n',
    'the time is that at which it came',
  );
  const nobody = { ...exchange, subject: undefined, person: undefined, passage: undefined };
  t.equal(
    finished({ ...nobody, peer: { address: 'unix' }, method: '', request: {} }, 400),
    'unix - - [05/Jan/2026:23:04:09 +0000] "-" 400 - "-" "-"\n',
    'what is unknown is a dash',
  );
});

test('nothing that a client or a person is called breaks out of its field', async (t) => {
  const evil = [
    '" 200 1 "-" "-"\n127.0.0.1 - root [05/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1',
    'back\\slash" and \\"',
    'a\u0000\u001b[31m\u202e\u2028\u009b',
    'Zoë 이름 🙂 \ud800',
    '[x] - -',
  ];
  for (const text of evil) {
    const line = finished({
      method: text,
      subject: text,
      person: { user: text, bearer: false, provider: 'default' },
      request: { headers: { 'user-agent': text, referer: text, host: text } },
      destination: { target: { path: `/${text}`, host: text }, resolution: { kind: 'endpoint' } },
    });
    const fields = combined.exec(line);
    t.ok(fields, line);
    t.match(line, /^[\x20-\x7e]*\n$/, 'visible ASCII, in one line');
    t.equal(fields?.[4], '05/Jan/2026:23:04:09 +0000');
    t.equal(fields?.[6], '200');
  }
  const [, , , user, , , , , , agent] = (combined.exec(
    finished({
      person: { user: 'Zoë 이', bearer: false, provider: 'default' },
      request: { headers: { 'user-agent': 'a"\\é\n' } },
    }),
  ) ?? []) as string[];
  t.equal(user, 'Zo\\xc3\\xab\\x20\\xec\\x9d\\xb4', 'each byte as Apache writes it');
  t.equal(agent, 'a\\"\\\\\\xc3\\xa9\\x0a');
  const long = finished({ request: { headers: { 'user-agent': 'x'.repeat(16_000) } } });
  t.ok(long.length < 1000, 'and is cut');
});

test('everything else is one line of text that no request begins with', async (t) => {
  t.equal(
    lineOf({ kind: 'request-refused', exchange, error: new GatewayError('upstream_timeout') }),
    '[2026-01-05T23:04:09.012Z] [warn] failed requestId="id-1" code="upstream_timeout" status=504 client="203.0.113.7" subject="ada" route="app.example/a" target="http://legacy:8080"\n',
  );
  t.equal(
    lineOf({ kind: 'websocket-closed', exchange, durationMs: 12 }).split(' ').slice(0, 4).join(' '),
    '[2026-01-05T23:04:09.012Z] [info] websocket closed',
  );
  const odd = lineOf({ kind: 'configuration-doubted', warning: 'a\n203.0.113.7 - \u202e\u009b "' });
  t.equal(odd, '[2026-01-05T23:04:09.012Z] [warn] a\\u000a203.0.113.7 - \\u202e\\u009b "\n');
  t.match(lineOf({ kind: 'store-refused', reason: 'x\ny"' }), 'reason="x\\ny\\""\n');
  t.equal(lineOf({ kind: 'store-asked', operation: 'session-get', outcome: 'ok', ms: 1 }), '');
});

import { test } from 'tap';
import type { AuditFields } from '../../src/observe/audit-schema.ts';
import { createRepeats } from '../../src/observe/sinks/audit-repeats.ts';
import { createWoundClock } from '../support/clock.ts';

function arrange() {
  const clock = createWoundClock();
  const told: AuditFields[] = [];
  return { ...createRepeats(clock, (fields) => told.push(fields)), clock, told };
}

const denied = (client: string, number: number): AuditFields => ({
  event: 'access_denied',
  client,
  path: `/${number}`,
  requestId: String(number),
  code: 'not_allowed',
});

test('a scanner costs eleven lines a minute, which say how much it did; others cost theirs', async (t) => {
  const { take, clock, told } = arrange();
  for (let number = 0; number < 5000; number++) take(denied('192.0.2.1', number));
  take(denied('192.0.2.2', 1));
  t.equal(told.length, 11);
  t.equal(told.at(-1)?.client, '192.0.2.2');
  clock.wind(60_000);
  t.equal(told.length, 12);
  t.same(told.at(-1), { ...denied('192.0.2.1', 4999), repeated: 4990 });
  clock.wind(60_000);
  t.equal(told.length, 12, 'what is over is not told again');
  take(denied('192.0.2.1', 1));
  t.equal(told.length, 13, 'a new minute begins');
});

test('each person, rule and event is counted apart', async (t) => {
  const { take, told } = arrange();
  const kinds: AuditFields[] = [
    { event: 'access_denied', client: 'a', subject: 'ada', rule: 'one' },
    { event: 'access_denied', client: 'a', subject: 'bob', rule: 'one' },
    { event: 'access_denied', client: 'a', subject: 'ada', rule: 'two' },
    { event: 'bearer_rejected', client: 'a', subject: 'ada', rule: 'one' },
  ];
  for (let number = 0; number < 20; number++) for (const kind of kinds) take(kind);
  t.equal(told.length, 40);
});

test('many clients that are at it together do not fill the disk either, and none is left uncounted', async (t) => {
  const { take, clock, told } = arrange();
  for (let number = 0; number < 100_000; number++)
    take(denied(`2001:db8:${(number >> 16).toString(16)}:${(number & 0xffff).toString(16)}::1`, number));
  t.equal(told.length, 600);
  clock.wind(60_000);
  t.equal(told.length, 601);
  t.same(told.at(-1), { event: 'access_denied', repeated: 99_400 });
});

test('what was counted is told when the process ends', async (t) => {
  const { take, flush, told } = arrange();
  for (let number = 0; number < 12; number++) take(denied('192.0.2.1', number));
  flush();
  t.equal(told.at(-1)?.repeated, 2);
  flush();
  t.equal(told.length, 11);
});

test('one who has a whole network, or many things to do, leaves the lines of the others alone', async (t) => {
  const { take, clock, told } = arrange();
  for (let number = 0; number < 2000; number++) take(denied(`2001:db8::${number.toString(16)}`, number));
  t.equal(told.length, 10, 'a /64 is one client');
  const kinds = Array.from({ length: 500 }, (_none, at) => ({
    ...denied('192.0.2.1', at),
    method: `M${at % 30}`,
    route: `/${at % 17}`,
  }));
  for (const kind of kinds) for (let number = 0; number < 20; number++) take(kind);
  t.ok(told.length <= 100, `${told.length} lines`);
  take(denied('192.0.2.2', 1));
  t.equal(told.at(-1)?.client, '192.0.2.2');
  clock.wind(60_000);
  const repeated = told.reduce((sum, line) => sum + (line.repeated ?? 1), 0);
  t.equal(repeated, 2000 + 10_000 + 1, 'and nothing of it is left uncounted');
  t.ok(
    told.every(({ client }) => client !== undefined),
    'nor untold whose it was',
  );
});

test('whoever is not known by an address is not counted as one client', async (t) => {
  const { take, told } = arrange();
  for (let at = 0; at < 200; at++) take({ event: 'access_denied', code: 'not_allowed', route: `/${at}` });
  t.equal(told.length, 200);
});

import { isDeepStrictEqual } from 'node:util';
import { test } from 'tap';
import type { Outcome } from '../../src/session/outcome.ts';
import { turnOf } from '../../src/session/turn.ts';
import { bareSession } from '../support/session.ts';

const told = ['refresh 1', 'access 1'];
const outcome: Outcome = { kind: 'refreshed', session: bareSession({ accessToken: 'access 2' }) };

test('whoever holds the same tokens reads an outcome', async (t) => {
  const read = turnOf('refresh', told).open(turnOf('refresh', told).seal(outcome));
  t.equal(read?.kind === 'refreshed' && read.session.accessToken, 'access 2');
});

test('nobody else does: with other tokens, or for another thing', async (t) => {
  const value = turnOf('refresh', told).seal(outcome);
  t.equal(turnOf('refresh', ['refresh 1', 'access 2']).open(value), undefined);
  t.equal(turnOf('claims', told).open(value), undefined);
});

test('who sealed an outcome has it at hand, and no other in its place', async (t) => {
  const turn = turnOf('refresh', told);
  const other: Outcome = { kind: 'ended', reason: 'why' };
  const [value, otherValue] = [turn.seal(outcome), turn.seal(other)];
  t.equal(turn.seal(outcome), value, 'it is posted twice as the same text');
  t.equal(turn.open(value), outcome);
  t.equal(turn.open(otherValue), other);
  t.equal(turn.open(`${value}A`), undefined);
});

const oddJson = '{"zero":-0,"beyond":[1e400,{"below":-1e400}],"__proto__":{"n":-0},"text":"\\ud800\\u0000"}';
const rows: Record<string, Record<string, unknown>> = {
  'numbers and names that JSON.stringify alters': JSON.parse(oddJson),
  'more than is unpacked again': { list: Array.from({ length: 60_000 }, (_, index) => `group-${index}`) },
};

for (const [what, claims] of Object.entries(rows)) {
  test(`another process reads the claims that came with a refresh as they were: ${what}`, async (t) => {
    const value = turnOf('refresh', told).seal({ kind: 'refreshed', session: bareSession({ claims }) });
    const read = turnOf('refresh', told).open(value);
    t.ok(read?.kind === 'refreshed' && isDeepStrictEqual(read.session.claims, claims));
  });
}

test('a session that cannot be written down ends, and sealing it never throws', async (t) => {
  const claims = JSON.parse(`{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
  const value = turnOf('refresh', told).seal({ kind: 'refreshed', session: bareSession({ claims }) });
  t.match(turnOf('refresh', told).open(value), { kind: 'ended', reason: /too deep/ });
});

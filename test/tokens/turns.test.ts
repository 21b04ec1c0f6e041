import { test } from 'tap';
import { createBounded } from '../../src/bounded.ts';
import type { RefreshOutcome, Spent } from '../../src/session/outcome.ts';
import { createRefresher } from '../../src/session/refresh/refresh.ts';
import type { Session } from '../../src/session/session.ts';
import { createWoundClock } from '../support/clock.ts';
import { shareLocally } from '../support/shared.ts';

const hour = 3_600_000;

/** A provider's refresh tokens as its reuse detection sees them, and a gateway of one process on a clock. */
function arrange({ rotates = true } = {}) {
  const clock = createWoundClock();
  let counter = 0;
  let good = 'r0';
  const sent: string[] = [];
  /** Takes the refresh token once; the same one again is a theft. */
  const use = async (refreshToken = ''): Promise<string> => {
    sent.push(refreshToken);
    if (refreshToken !== good) throw new Error(`${refreshToken} was used before`);
    if (rotates) good = `r${++counter}`;
    // A provider takes its time.
    await new Promise((resolve) => setImmediate(resolve));
    return good;
  };
  const grant = async (session: Session): Promise<RefreshOutcome> => {
    const refreshToken = await use(session.refreshToken);
    return { kind: 'refreshed', session: { ...session, refreshToken, accessToken: `a${++counter}` } };
  };
  const spend = async (session: Session): Promise<Spent> => ({
    kind: 'spent',
    refreshToken: await use(session.refreshToken),
  });
  const refresher = createRefresher({
    shared: shareLocally(clock),
    grant,
    longest: 12 * hour,
    settled: createBounded({ entries: 100 }),
    clock,
    random: () => 0,
  });
  return { refresher, spend, sent, wait: clock.wind };
}

const session = (refreshToken: string, accessToken = 'a0') => ({ refreshToken, accessToken }) as Session;
const keep = async () => {};

const tokensOf = (outcome: RefreshOutcome) =>
  outcome.kind === 'refreshed' ? `${outcome.session.refreshToken} ${outcome.session.accessToken}` : outcome;

for (const rotates of [true, false]) {
  test(`D1: refreshes and other uses of one refresh token take turns, ${rotates ? 'rotating' : 'staying'}`, async (t) => {
    const { refresher, spend, sent } = arrange({ rotates });
    const kept: string[] = [];
    const note = async ({ refreshToken }: Session) => {
      kept.push(refreshToken ?? '');
    };
    const start = session('r0');
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        index % 20 === 7 ? refresher.spend(start, note, spend) : refresher.refresh(start, note),
      ),
    );
    t.same(
      outcomes.filter(({ kind }) => kind !== 'refreshed'),
      [],
    );
    if (rotates) {
      t.equal(new Set(sent).size, sent.length, `each was sent once: ${sent.join(' ')}`);
      t.same(
        kept,
        sent.map((_, index) => kept[index]),
      );
      t.equal(kept.length, sent.length, 'and each new one was written down');
    }
    t.equal(sent.length, 11, 'one refresh and ten other uses');
  });
}

test('the access token of the session stays when its refresh token was used for something else', async (t) => {
  const { refresher, spend } = arrange();
  t.equal(tokensOf(await refresher.spend(session('r0'), keep, spend)), 'r1 a0');
});

test('a cookie from before such a use finds the way on, even hours later', async (t) => {
  const { refresher, spend, sent, wait } = arrange();
  await refresher.spend(session('r0'), keep, spend);
  wait(3 * hour);
  const outcome = await refresher.refresh(session('r0'), keep);
  t.equal(outcome.kind, 'refreshed');
  t.same(sent, ['r0', 'r1']);
  t.equal(tokensOf(await refresher.refresh(session('r0'), keep)), tokensOf(outcome), 'and once more');
});

test('a cookie from before a refresh that was followed by another use passes too', async (t) => {
  const { refresher, spend, sent } = arrange();
  const first = await refresher.refresh(session('r0'), keep);
  if (first.kind !== 'refreshed') throw new Error(first.kind);
  await refresher.spend(first.session, keep, spend);
  // An answer that was long under way may put it in place of the newer one.
  const again = await refresher.refresh(first.session, keep);
  t.equal(again.kind, 'refreshed');
  t.equal(new Set(sent).size, sent.length);
});

test('what the provider ended is ended for every use', async (t) => {
  const { refresher, spend } = arrange();
  const end = async (): Promise<Spent> => ({ kind: 'ended', reason: 'invalid_grant' });
  t.equal((await refresher.spend(session('r0'), keep, end)).kind, 'ended');
  t.equal((await refresher.refresh(session('r0'), keep)).kind, 'ended');
  t.equal((await refresher.spend(session('r0'), keep, spend)).kind, 'ended');
});

test('a provider that is out leaves the refresh token as it is', async (t) => {
  const { refresher, spend } = arrange();
  const out = async (): Promise<Spent> => ({ kind: 'unavailable', retryAfter: 3 });
  t.match(await refresher.spend(session('r0'), keep, out), { kind: 'unavailable', retryAfter: 3 });
  t.equal(tokensOf(await refresher.spend(session('r0'), keep, spend)), 'r1 a0');
});

import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { openFiles } from '../../src/files.ts';
import { createHoldings } from '../../src/holdings.ts';
import { openGranter } from '../../src/identity/granter.ts';
import { compilePlan } from '../../src/plan/plan.ts';
import type { Session } from '../../src/session/session.ts';
import { createWoundClock } from '../support/clock.ts';
import { unobserved } from '../support/observe.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { bareSession } from '../support/session.ts';
import { until } from '../support/until.ts';

const sessionOf = (provider: string, refreshToken: string): Session =>
  bareSession({ id: refreshToken, provider, refreshToken });

test('the primary goes on with other providers; who asked one of before gets its answer', async (t) => {
  const clock = createWoundClock();
  const [first, second] = await Promise.all([startProvider(), startProvider()]);
  t.teardown(() => Promise.all([first.stop(), second.stop()]));
  let held: Promise<void> | undefined;
  let answer = () => {};
  const hold = () => {
    held = new Promise((resolve) => {
      answer = resolve;
    });
  };
  const sent: string[] = [];
  first.tamper(async (hit) => {
    if (hit.path !== '/token') return hit.pass();
    if (held) sent.push(hit.path);
    await held;
    return hit.pass();
  });
  const holdings = createHoldings();
  const granter = openGranter({ emit: unobserved.emit, clock, random: () => 0, holdings });
  const prepare = async (asked: Record<string, TestProvider>) => {
    const providers = Object.fromEntries(
      Object.entries(asked).map(([name, { issuer, clientId, clientSecret }]) => [
        name,
        { issuer, clientId, clientSecret },
      ]),
    );
    const { config } = parseConfig(
      JSON.stringify({
        publicUrl: 'http://127.0.0.1:1',
        providers,
        session: { secret: Buffer.alloc(32, 7).toString('base64') },
        routes: [{ path: '/', upstream: 'http://127.0.0.1:3' }],
      }),
      { file: 'sallyport.yaml', env: {} },
    );
    const next = granter.prepare(config.providers, compilePlan(config).claims, openFiles().read);
    await next.found;
    return next;
  };
  const adopt = async (asked: Record<string, TestProvider>) => (await prepare(asked)).commit();
  const kindOf = async (provider: string) =>
    (await granter.grant(sessionOf(provider, `of ${provider}`), 'tokens')).kind;

  t.equal(await kindOf('one'), 'unavailable', 'before the first configuration');
  await adopt({ one: first });
  t.equal(await kindOf('two'), 'unavailable', 'one that is not known yet ends nobody’s session');
  await until('the first one', async () => (await kindOf('one')) === 'ended');
  hold();
  const asked = kindOf('one');
  await until('the question', () => sent.length === 1);
  await adopt({ two: second });
  t.equal(await kindOf('two'), 'ended', 'the new one is asked, and does not know this token');
  t.equal(await kindOf('one'), 'unavailable', 'one that is not known any more is left to the worker');
  t.equal(holdings.count('refresh circuit'), 2, 'the one of before lives for as long as somebody asks it');
  answer();
  t.equal(await asked, 'ended', 'its answer has come');
  await until('its end', () => holdings.count('refresh circuit') === 1);
  const aborted = await prepare({ one: first });
  t.equal(await kindOf('one'), 'unavailable', 'what is only prepared is not asked');
  aborted.abort();
  t.equal(await kindOf('two'), 'ended', 'and changes nothing');
  await until('its end', () => holdings.count('refresh circuit') === 1);
  await granter.close();
  t.equal(holdings.count('refresh circuit'), 0);
});

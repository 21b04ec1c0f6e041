import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { alterClaims } from '../attack/forged-token.ts';
import { makeLogoutToken, sendLogout } from '../logout/forge.ts';
import { startLogoutProvider } from '../logout/scene.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { logIn } from '../support/log-in.ts';
import { anotherBrowser, arrangeLogin } from './steps.ts';

const seconds = () => Math.floor(Date.now() / 1000);

/** Whether a login succeeds whose ID token was altered. */
const tries =
  (scene: Awaited<ReturnType<typeof arrangeLogin>>, t: Parameters<typeof anotherBrowser>[0]) =>
  async (claims: Record<string, number>) => {
    scene.provider.tamper(alterClaims(scene.provider, (given) => ({ ...given, ...claims })));
    return logIn(anotherBrowser(t), scene.gateway.url, 'ada').then(
      () => true,
      () => false,
    );
  };

test('provider.clockTolerance is how far the times of an ID token may be off: 30 seconds, or as it says', async (t) => {
  const usual = tries(await arrangeLogin(t), t);
  const wide = tries(await arrangeLogin(t, { config: { provider: { clockTolerance: '3m' } } }), t);
  const strict = tries(await arrangeLogin(t, { config: { provider: { clockTolerance: '0s' } } }), t);
  const cases: [what: string, claims: () => Record<string, number>, usual: boolean, wide: boolean][] = [
    ['made a little ahead', () => ({ iat: seconds() + 15 }), true, true],
    ['made ahead', () => ({ iat: seconds() + 100 }), false, true],
    ['made far ahead', () => ({ iat: seconds() + 400 }), false, false],
    ['just over', () => ({ exp: seconds() - 10 }), true, true],
    ['over', () => ({ exp: seconds() - 100 }), false, true],
    ['long over', () => ({ exp: seconds() - 400 }), false, false],
    ['not yet good', () => ({ nbf: seconds() + 100 }), false, true],
  ];
  for (const [what, claims, isUsual, isWide] of cases) {
    t.equal(await usual(claims()), isUsual, `${what}, usually`);
    t.equal(await wide(claims()), isWide, `${what}, with three minutes`);
    t.equal(await strict(claims()), false, `${what}, with none`);
  }
});

test('the same of logout tokens, which count once for as long as they could be good', async (t) => {
  const provider = await startLogoutProvider(t);
  const upstream = await arrangeUpstream(t);
  const send = async (clockTolerance: string | undefined, claims: Record<string, number>) => {
    const config = { provider: clockTolerance === undefined ? {} : { clockTolerance } };
    const { gateway } = await arrangeGateway(t, { provider, upstream, config });
    const token = await makeLogoutToken(provider, { claims: { sub: 'ada', ...claims } });
    const { status } = await sendLogout(gateway.url, { logout_token: token });
    const again = await sendLogout(gateway.url, { logout_token: token });
    t.equal(again.status, 400, 'never twice');
    return status;
  };
  t.equal(await send(undefined, { iat: seconds() + 15, exp: seconds() + 120 }), 200);
  t.equal(await send(undefined, { iat: seconds() - 60, exp: seconds() - 45 }), 400);
  t.equal(await send('2m', { iat: seconds() - 60, exp: seconds() - 45 }), 200);
  t.equal(await send('2m', { iat: seconds() - 300, exp: seconds() + 60 }), 400, 'it is too old');
});

test('a tolerance of more than five minutes is warned of', (t) => {
  const warningsFor = (clockTolerance: string) =>
    parseConfig(
      gatewayYaml({ upstream: 'http://127.0.0.1:9', config: { provider: { clockTolerance } } }, 1),
      {
        env: {},
      },
    ).warnings.filter((each) => each.includes('clockTolerance'));
  t.strictSame(warningsFor('5m'), []);
  t.equal(warningsFor('10m').length, 1);
  t.end();
});

import { test } from 'tap';
import { api, signedToken } from '../bearer/scene.ts';
import { arrangeStepUp, gold } from './scene.ts';

test('H4: a client with a token of a weaker sign-in gets the challenge, one of a stronger passes', async (t) => {
  const provider = { stepUp: { acr: gold, maxAge: '5m' } };
  const {
    client,
    gateway,
    provider: issuer,
  } = await arrangeStepUp(t, { '/secure': provider }, { bearer: api });
  client.cookies.clear();
  const now = Math.floor(Date.now() / 1000);
  const ask = async (claims: Record<string, unknown>) =>
    client.navigate(`${gateway.url}/secure`, {
      headers: { authorization: `Bearer ${await signedToken(issuer, { claims })}` },
    });
  for (const claims of [
    {},
    { acr: gold },
    { acr: 'urn:example:silver', auth_time: now },
    { acr: gold, auth_time: now - 3600 },
    { acr: gold, auth_time: now + 3600 },
  ]) {
    const answer = await ask(claims);
    t.equal(answer.status, 401, JSON.stringify(claims));
    t.equal(answer.headers['x-sallyport-error'], 'step_up_required');
    t.match(
      answer.headers['www-authenticate'],
      `error="insufficient_user_authentication", error_description="The sign-in is not strong or not recent enough", acr_values="${gold}", max_age="300"`,
    );
  }
  t.equal((await ask({ acr: gold, auth_time: now - 60 })).status, 200);
});

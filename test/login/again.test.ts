import { test } from 'tap';
import { arrangeLogin, signInAtProvider } from './steps.ts';

test('who signs in again by intent is in no loop', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  for (let round = 0; round < 6; round++) {
    const start = await client.navigate(`${gateway.url}/oauth2/start?rd=/x`);
    t.equal(start.status, 302, `round ${round}`);
    const authorizationRequest = new URL(start.headers.location ?? '');
    await client.navigate((await signInAtProvider(client, { authorizationRequest })).href);
  }
});

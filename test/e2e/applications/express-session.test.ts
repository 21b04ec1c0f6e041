import { test } from 'tap';
import { startExpress } from '../../support/applications/express.ts';
import { arrangeSignedIn } from '../../support/arrange.ts';

interface State {
  role?: string;
  visits: number;
  person: string;
  cookies?: string;
}

test("an express application keeps its own session beside the gateway's", async (t) => {
  const express = await startExpress();
  t.teardown(() => express.stop());
  const { gateway, client } = await arrangeSignedIn(t, { upstream: express });
  const state = async () => (await client.get(`${gateway.url}/app-state`)).json() as State;

  await t.test("the application's log-in sets several cookies, one header each", async (t) => {
    const answer = await client.request(`${gateway.url}/app-login`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'role=editor',
    });
    t.equal(answer.status, 303);
    t.equal(new URL(answer.headers.location ?? '', gateway.url).href, `${gateway.url}/app-state`);
    t.same(answer.setCookies.map((line) => line.split('=')[0]).sort(), ['connect.sid', 'language', 'theme']);
    t.match(
      answer.setCookies.find((line) => line.startsWith('theme=')),
      /Expires=\w{3}, \d\d/,
    );
  });

  await t.test('its state lives on from request to request', async (t) => {
    const first = await state();
    t.equal(first.role, 'editor');
    const second = await state();
    t.equal(second.visits, first.visits + 1);
    t.equal(second.person, 'ada');
  });

  await t.test("it sees its own cookies and none of the gateway's", async (t) => {
    const { cookies = '' } = await state();
    t.match(cookies, 'connect.sid=');
    t.match(cookies, 'theme=dark');
    t.notMatch(cookies, 'sallyport');
  });

  await t.test('signing out at the gateway leaves the cookies of the application alone', async (t) => {
    const before = client.cookies.get('connect.sid')?.value;
    await client.navigate(`${gateway.url}/oauth2/sign_out`);
    t.equal(client.cookies.get('sallyport'), undefined);
    t.equal(client.cookies.get('connect.sid')?.value, before);
    t.equal((await client.get(`${gateway.url}/app-state`)).status, 401);
  });
});

test('redirects that express builds from the Host stay on the public origin', async (t) => {
  const express = await startExpress();
  t.teardown(() => express.stop());
  const { gateway, client } = await arrangeSignedIn(t, { upstream: express });
  const answer = await client.get(`${gateway.url}/absolute`);
  t.equal(answer.headers.location, `${gateway.url}/app-state?from=absolute`);
});

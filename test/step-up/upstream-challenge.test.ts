import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'tap';
import { createClient } from '../support/client.ts';
import { submitForm } from '../support/log-in.ts';
import { arrangeStepUp, authorizationRequest, gold } from './scene.ts';

const good = `Bearer error="insufficient_user_authentication", acr_values="${gold}", max_age="600"`;

/** An application that answers everything below /asks with 401 and a challenge. */
const asks =
  (challenge: string | (() => string | string[])) => (request: IncomingMessage, response: ServerResponse) => {
    if (!request.url?.startsWith('/asks')) {
      response.end('fine');
      return;
    }
    const value = typeof challenge === 'string' ? challenge : challenge();
    response.writeHead(401, { 'www-authenticate': value, 'content-type': 'text/plain' });
    response.end('not strong enough');
  };

test('RFC 9470: the challenge of an application starts a stronger sign-in, and the page comes up', async (t) => {
  let satisfied = false;
  const handler = (request: IncomingMessage, response: ServerResponse) =>
    satisfied ? response.end('come in') : asks(good)(request, response);
  const { client, gateway } = await arrangeStepUp(t, {}, { handler });
  const answer = await client.navigate(`${gateway.url}/asks?for=more`);
  t.equal(answer.status, 302);
  const asked = authorizationRequest(answer).searchParams;
  t.equal(asked.get('acr_values'), gold);
  t.equal(asked.get('max_age'), '600');
  satisfied = true;
  const page = await client.navigate(answer.headers.location ?? '', { follow: 10 });
  const arrived = await submitForm(client, page, { login: 'ada' });
  t.equal(arrived.url, `${gateway.url}/asks?for=more`);
  t.equal(arrived.text, 'come in');
  t.equal((await client.get(`${gateway.url}/`)).status, 200, 'the connection to the application is in order');
});

test('programs, changes and strangers get the application’s 401 as it is', async (t) => {
  const { client, gateway } = await arrangeStepUp(
    t,
    { '/asks/open': { allow: 'public' } },
    { handler: asks(good) },
  );
  const stranger = createClient();
  t.teardown(() => stranger.close());
  const answers = [
    await client.get(`${gateway.url}/asks`),
    await client.navigate(`${gateway.url}/asks`, { method: 'POST', body: 'x' }),
    await stranger.navigate(`${gateway.url}/asks/open`),
  ];
  for (const answer of answers) {
    t.equal(answer.status, 401);
    t.equal(answer.text, 'not strong enough');
    t.equal(answer.headers['www-authenticate'], good);
    t.equal(answer.headers['x-sallyport-error'], undefined);
  }
});

test('any other 401, and a challenge that cannot be right, goes to the browser as it is', async (t) => {
  const challenges = [
    'Basic realm="x"',
    'Bearer error="invalid_token"',
    'Bearer error="insufficient_user_authentication"',
    `Basic error="insufficient_user_authentication", acr_values="${gold}"`,
    `Bearer error="insufficient_user_authentication", acr_values="${'x'.repeat(300)}"`,
    'Bearer error="insufficient_user_authentication", acr_values="a\\"b"',
    'Bearer error="insufficient_user_authentication", max_age="-1"',
    'Bearer error="insufficient_user_authentication", max_age="1e3"',
    'Bearer error="insufficient_user_authentication", acr_values="ä"',
    `Bearer error="insufficient_user_authentication", acr_values="a", acr_values="b"`,
    `Bearer error="insufficient_user_authentication", max_age="99999999999"`,
  ];
  let at = 0;
  const { client, gateway } = await arrangeStepUp(t, {}, { handler: asks(() => challenges[at] ?? '') });
  for (; at < challenges.length; at++) {
    const answer = await client.navigate(`${gateway.url}/asks`);
    t.equal(answer.status, 401, challenges[at] ?? '');
    t.equal(answer.text, 'not strong enough');
  }
});

test('among several challenges the right one is found', async (t) => {
  const { client, gateway } = await arrangeStepUp(t, {}, { handler: asks(() => ['Basic realm="x"', good]) });
  t.equal(
    authorizationRequest(await client.navigate(`${gateway.url}/asks`)).searchParams.get('acr_values'),
    gold,
  );
});

test('an application that is never content sends nobody round for ever', async (t) => {
  const { client, gateway, provider } = await arrangeStepUp(t, {}, { handler: asks(good) });
  let page = await client.navigate(`${gateway.url}/asks`, { follow: 20 });
  if (page.url.includes('/interaction/')) page = await submitForm(client, page, { login: 'ada' });
  t.equal(page.status, 403);
  t.equal(page.headers['x-sallyport-error'], 'step_up_failed');
  const logins = provider.events.filter(({ name }) => name === 'authorization.success').length;
  t.ok(logins <= 4, `${logins} logins`);
  t.equal((await client.get(`${gateway.url}/`)).status, 200);
});

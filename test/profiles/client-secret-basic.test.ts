import { test } from 'tap';
import { logIn } from '../support/log-in.ts';
import { arrangeProfile, recordPosts, registration, type SeenRequest } from './scene.ts';

const credentialsOf = ({ headers }: SeenRequest) =>
  Buffer.from(/^Basic (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '', 'base64').toString();

/** Every request in which the gateway authenticates: pushed authorization, token, introspection and revocation. */
async function credentialsSent(t: Parameters<typeof arrangeProfile>[0], id: string, secret: string) {
  const scene = await arrangeProfile(t, {
    client: registration({
      client_id: id,
      client_secret: secret,
      token_endpoint_auth_method: 'client_secret_basic',
    }),
    keys: { clientId: id, clientSecret: secret, par: true },
  });
  const seen = recordPosts(scene);
  const { gateway, client, provider } = scene;
  await logIn(client, gateway.url, 'ada');
  await client.request(`${gateway.url}/oauth2/sign_out`, { method: 'POST' });
  await gateway.log.line(({ msg }) => msg === 'logout');
  return { seen, provider, gateway };
}

const unreserved = { id: 'my-app_1.2~x', secret: 'A-z_0.9~-_.~secret' };

test('nothing is encoded that need not be: providers that do not decode understand it', async (t) => {
  const { seen } = await credentialsSent(t, unreserved.id, unreserved.secret);
  const authenticated = seen.filter(({ headers }) => headers.authorization?.startsWith('Basic '));
  t.ok(authenticated.some(({ path }) => path === '/token'));
  t.ok(authenticated.some(({ path }) => path === '/request'));
  for (const request of authenticated) {
    t.equal(credentialsOf(request), `${unreserved.id}:${unreserved.secret}`, request.path);
  }
});

test('what has to be encoded is, so that a provider that decodes gets it as it was', async (t) => {
  const secret = 'p@ss w+rd:50% & more/than !*\'()"';
  const { seen } = await credentialsSent(t, 'an-app', secret);
  const [token] = seen.filter(({ path }) => path === '/token');
  t.ok(token, 'the login went well, at a provider that decodes');
  const [, encoded = ''] = (token ? credentialsOf(token) : '').split(':');
  t.match(encoded, /^[\w.~%-]+$/, 'in nothing but letters that stay and escapes');
  t.equal(decodeURIComponent(encoded), secret, 'whichever decoder is used');
});

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { listenOnLoopback } from '../../dist/test/support/listening.js';
import { tokenSetKey, tokenSets } from '../../dist/test/support/token-sets.js';

export const clientId = '5b1a0c9e-6f3d-4a57-9d3e-2f6f5f0c7f11';
export const clientSecret = 'a secret of the client, and of nobody else';

/**
 * A provider that signs everybody in at once, and gives the tokens that it is told to give. It has no userinfo, so that
 * all that a program keeps of a person is from the tokens.
 */
export async function startTokenProvider() {
  const logins = new Map();
  let name = Object.keys(tokenSets)[0];
  const server = createServer((request, response) => {
    const url = new URL(request.url, issuer());
    const json = (value) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(value));
    };
    if (url.pathname === '/.well-known/openid-configuration') return json(metadata(issuer()));
    if (url.pathname === '/jwks') return json({ keys: [tokenSetKey()] });
    if (url.pathname === '/auth') return authorize(url.searchParams, response);
    if (url.pathname === '/token') return readBody(request).then((body) => json(answerTo(body)));
    response.statusCode = 404;
    response.end();
  });
  const authorize = (asked, response) => {
    const code = randomBytes(16).toString('base64url');
    logins.set(code, asked.get('nonce') ?? undefined);
    const back = new URL(asked.get('redirect_uri'));
    back.searchParams.set('code', code);
    back.searchParams.set('state', asked.get('state'));
    response.writeHead(302, { location: back.href }).end();
  };
  const answerTo = (body) => {
    const nonce = logins.get(new URLSearchParams(body).get('code'));
    const context = { issuer: issuer(), clientId, nonce, now: Math.floor(Date.now() / 1000) };
    const { accessToken, idToken, refreshToken, expiresIn } = tokenSets[name](context);
    const tokens = { access_token: accessToken, id_token: idToken, refresh_token: refreshToken };
    given = accessToken.length + idToken.length + refreshToken.length;
    return { ...tokens, token_type: 'Bearer', expires_in: expiresIn, scope: 'openid profile email' };
  };
  let given = 0;
  const listening = await listenOnLoopback(server);
  const issuer = () => listening.url;
  return {
    issuer: listening.url,
    /** The tokens of which set are given from now on. */
    use(set) {
      name = set;
    },
    /** Bytes of the tokens that were given last. */
    given: () => given,
    close: () => listening.close(),
  };
}

const metadata = (issuer) => ({
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  // With a logout the ID token is kept.
  end_session_endpoint: `${issuer}/logout`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  code_challenge_methods_supported: ['S256'],
});

async function readBody(request) {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

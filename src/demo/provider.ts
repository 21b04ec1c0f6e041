import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Configuration, Provider } from 'oidc-provider';
import { type DemoPerson, demoPassword } from './people.ts';
import { errorPage, signedOutPage, signInPage, signOutPage } from './sign-in-pages.ts';

export interface DemoProviderOptions {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** The gateway's public origin. */
  gateway: string;
  people: readonly DemoPerson[];
}

const interactionPath = '/sign-in/';
const largestForm = 4096;

/**
 * A real OpenID provider with a handful of people, all in memory. Rejects with a sentence that says what to
 * install when the package is missing, as it is where only production dependencies are.
 */
export async function createDemoProvider(options: DemoProviderOptions): Promise<Server> {
  const provider = await quietly(async () => {
    const OidcProvider = await loadProvider();
    return new OidcProvider(options.issuer, configuration(options));
  });
  const callback = provider.callback();
  return createServer((request, response) => {
    if (!request.url?.startsWith(interactionPath)) {
      callback(request, response);
      return;
    }
    answerSignIn(provider, options.people, request, response).catch(() => {
      sendPage(
        response,
        400,
        errorPage('Too late', 'This sign-in is over. Go back to the application and start again.'),
      );
    });
  });
}

async function loadProvider(): Promise<typeof Provider> {
  try {
    return (await import('oidc-provider')).default;
  } catch (error) {
    throw new Error('The demo needs the package oidc-provider. Install it: npm install oidc-provider@9', {
      cause: error,
    });
  }
}

/** The provider advises about production use at every start, which this is not. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { info, warn } = console;
  console.info = () => {};
  console.warn = () => {};
  try {
    return await work();
  } finally {
    Object.assign(console, { info, warn });
  }
}

function signingKey() {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(String(key.n)).digest('base64url').slice(0, 16);
  return { ...key, kid, use: 'sig', alg: 'RS256' };
}

function configuration({ clientId, clientSecret, gateway, people }: DemoProviderOptions): Configuration {
  return {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [`${gateway}/oauth2/callback`],
        post_logout_redirect_uris: [`${gateway}/`],
      },
    ],
    jwks: { keys: [signingKey()] as NonNullable<Configuration['jwks']>['keys'] },
    cookies: { keys: [randomBytes(24).toString('hex')] },
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    conformIdTokenClaims: false,
    findAccount: (_context, login) => {
      const person = people.find((candidate) => candidate.login === login);
      if (!person) return undefined;
      const { name, email, groups } = person;
      const claims = { sub: login, name, preferred_username: login, email, email_verified: true, groups };
      return { accountId: login, claims: () => ({ ...claims, groups: [...groups] }) };
    },
    interactions: { url: (_context, { uid }) => interactionPath + uid },
    loadExistingGrant: grantWithoutConsent,
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    pkce: { required: () => true },
    ttl: {
      AccessToken: 300,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    renderError: (context, { error, error_description: description }) => {
      context.type = 'html';
      context.body = errorPage('That did not work', description ?? error);
    },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true, allowedPolicy: async () => true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          context.type = 'html';
          context.body = signOutPage(form);
        },
        postLogoutSuccessSource: (context) => {
          context.type = 'html';
          context.body = signedOutPage();
        },
      },
    },
  };
}

/** Nobody is asked for consent: the application and the provider belong to the same people. */
const grantWithoutConsent: NonNullable<Configuration['loadExistingGrant']> = async ({ oidc }) => {
  const { client, session, account, provider, requestParamScopes } = oidc;
  if (!client || !session || !account) return undefined;
  const known = session.grantIdFor(client.clientId);
  const existing = known === undefined ? undefined : await provider.Grant.find(known);
  const grant = existing ?? new provider.Grant({ clientId: client.clientId, accountId: account.accountId });
  grant.addOIDCScope([...requestParamScopes].join(' '));
  await grant.save();
  return grant;
};

async function answerSignIn(
  provider: Provider,
  people: readonly DemoPerson[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  await provider.interactionDetails(request, response);
  const form = request.method === 'POST' ? new URLSearchParams(await readForm(request)) : undefined;
  const login = form?.get('login')?.trim().toLowerCase() ?? '';
  const isRight = people.some((person) => person.login === login) && form?.get('password') === demoPassword;
  if (isRight) await provider.interactionFinished(request, response, { login: { accountId: login } });
  else sendPage(response, form ? 401 : 200, signInPage(people, form !== undefined));
}

async function readForm(request: IncomingMessage): Promise<string> {
  let form = '';
  for await (const chunk of request) {
    form += String(chunk);
    if (form.length > largestForm) throw new Error('the form is too large');
  }
  return form;
}

function sendPage(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  });
  response.end(body);
}

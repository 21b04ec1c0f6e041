import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { htmlHeaders } from './markup.ts';
import type { DemoPerson } from './people.ts';
import { errorPage, signedOutPage, signOutPage } from './sign-in-pages.ts';

/** The application that people sign in to, as the provider knows it. */
export interface DemoClient {
  clientId: string;
  clientSecret: string;
  /** The gateway's public origin. */
  origin: string;
}

/** The path below which the provider asks people who they are. */
export const interactionPath = '/sign-in/';

/** What access tokens are for: this makes them JWTs (RFC 9068), which the demo can show. */
const resource = 'urn:sallyport:demo:reading-room';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

export function providerConfiguration(client: DemoClient, people: readonly DemoPerson[]): Configuration {
  return {
    clients: [
      {
        client_id: client.clientId,
        client_secret: client.clientSecret,
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [`${client.origin}/oauth2/callback`],
        post_logout_redirect_uris: [`${client.origin}/`],
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
    // Userinfo takes no access token that is for another resource, so the ID token says it all.
    conformIdTokenClaims: false,
    findAccount: accountsOf(people),
    interactions: { url: (_context, { uid }) => interactionPath + uid },
    loadExistingGrant: grantWithoutConsent,
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    pkce: { required: () => true },
    ttl: {
      AccessToken: 5 * minute,
      AuthorizationCode: minute,
      Grant: day,
      IdToken: hour,
      Interaction: hour,
      RefreshToken: day,
      Session: day,
    },
    renderError: (context, { error, error_description: description }) =>
      show(context, errorPage('That did not work', description ?? error)),
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => resource,
        getResourceServerInfo: async () => ({ scope: '', audience: resource, accessTokenFormat: 'jwt' }),
        useGrantedResource: async () => true,
      },
      // No revocation endpoint: it would refuse these access tokens, and a sign-out ends the grant anyway.
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => show(context, signOutPage(form)),
        postLogoutSuccessSource: (context) => show(context, signedOutPage()),
      },
    },
  };
}

function accountsOf(people: readonly DemoPerson[]): NonNullable<Configuration['findAccount']> {
  return (_context, login) => {
    const person = people.find((candidate) => candidate.login === login);
    if (!person) return undefined;
    const { name, email, groups } = person;
    const claims = { sub: login, name, preferred_username: login, email, email_verified: true };
    return { accountId: login, claims: () => ({ ...claims, groups: [...groups] }) };
  };
}

function show(context: KoaContextWithOIDC, page: string): void {
  context.set(htmlHeaders());
  context.body = page;
}

function signingKey() {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(String(key.n)).digest('base64url').slice(0, 16);
  return { ...key, kid, use: 'sig', alg: 'RS256' };
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

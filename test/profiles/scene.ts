import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { ClientMetadata } from 'oidc-provider';
import type { Test } from 'tap';
import { arrangeLogin, type LoginScene } from '../login/steps.ts';
import type { Teardown } from '../support/arrange.ts';
import { logIn } from '../support/log-in.ts';
import type { ProviderHit, ProviderOptions } from '../support/provider.ts';
import { rsaKeyPair } from '../support/rsa.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/** A key of the gateway, in the forms in which it is configured and registered. */
export interface ClientKey {
  kid: string;
  /** PKCS#8. */
  pem: string;
  /** JSON text of the private JWK, with its kid. */
  jwk: string;
  /** As the provider registers it. */
  publicJwk: Record<string, unknown>;
}

export function makeClientKey(kind: 'rsa' | 'ec' | 'ed25519' = 'ec'): ClientKey {
  const { privateKey, publicKey } = keyPair(kind);
  const kid = randomBytes(6).toString('hex');
  return {
    kid,
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    jwk: JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid }),
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' },
  };
}

function keyPair(kind: 'rsa' | 'ec' | 'ed25519'): { privateKey: KeyObject; publicKey: KeyObject } {
  if (kind === 'rsa') return rsaKeyPair('client');
  return kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
}

/** The registration of a client that differs from the standard one. */
export const registration = (metadata: Partial<ClientMetadata> = {}): ClientMetadata => ({
  client_id: 'app',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: ['http://127.0.0.1:1/oauth2/callback'],
  ...metadata,
});

export interface ProfileOptions {
  /** The client as the provider knows it. */
  client: ClientMetadata;
  provider?: ProviderOptions;
  /** Keys of the gateway's provider. */
  keys: Record<string, unknown>;
}

/** A login whose client is registered and configured in some way of its own. */
export function arrangeProfile(t: Teardown, { client, provider, keys }: ProfileOptions): Promise<LoginScene> {
  return arrangeLogin(t, {
    provider: { clients: [client], ...provider },
    // Without a secret the standard configuration is that of a public client.
    config: { provider: { clientAuth: undefined, ...keys } },
  });
}

/** A request that the provider got. */
export interface SeenRequest {
  path: string;
  headers: ProviderHit['request']['headers'];
  form: URLSearchParams;
}

/** Collects every POST to the provider from now on, and lets it pass. */
export function recordPosts({ provider }: Pick<LoginScene, 'provider'>): SeenRequest[] {
  const seen: SeenRequest[] = [];
  provider.tamper(async (hit) => {
    if (hit.request.method === 'POST') {
      seen.push({
        path: hit.path,
        headers: hit.request.headers,
        form: new URLSearchParams(await hit.body()),
      });
    }
    return hit.pass();
  });
  return seen;
}

/** A header as the application sees it. */
export async function headerOf({ client, gateway }: LoginScene, name: string): Promise<string | undefined> {
  const answer = await client.get(`${gateway.url}/`);
  return answer.status === 200
    ? valuesOf((answer.json() as Echo).rawHeaders, name)[0]
    : String(answer.status);
}

/** Milliseconds until a token of three seconds has surely been replaced, on a busy machine too. */
export const patience = 20_000;

/** How often a grant of the provider went well. */
export const grantsOf = ({ provider }: Pick<LoginScene, 'provider'>, type: string): number =>
  provider.events.filter(({ name, grantType }) => name === 'grant.success' && grantType === type).length;

/** Logs in and waits for one refresh; both are authenticated. */
export async function assertLoginAndRefresh(t: Test, scene: LoginScene): Promise<void> {
  await logIn(scene.client, scene.gateway.url, 'ada');
  const people = new Set<string | undefined>();
  await until(
    'a refresh',
    async () => {
      people.add(await headerOf(scene, 'x-forwarded-user'));
      return grantsOf(scene, 'refresh_token') > 0;
    },
    patience,
  );
  t.same([...people], ['ada']);
  t.notMatch(scene.gateway.log.text(), /eyJ|PRIVATE KEY|thirty-two/, 'nothing secret in the log');
}

import { type Test, test } from 'tap';
import { until } from '../support/until.ts';
import { arrangePreset, type Imitated, personOf } from './imitation.ts';

const ours = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const theirs = 'b9419818-09af-49c2-b0c3-653adc1f376e';

interface EntraOptions {
  /** The segment of the address: a tenant or `organizations`. */
  address?: string;
  tid?: string;
  claims?: Record<string, unknown>;
  /** The issuer of ID tokens, where it is not that of `tid`. */
  iss?: (origin: string) => string;
  api?: Imitated['api'];
}

/** https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference and the v2.0 metadata. */
function entraId({ address = ours, tid = ours, claims = {}, iss, api = {} }: EntraOptions = {}): Imitated {
  const isShared = address === 'organizations';
  return {
    metadata: (origin) => ({
      path: `/${address}/v2.0/.well-known/openid-configuration`,
      document: {
        issuer: `${origin}/${isShared ? '{tenantid}' : address}/v2.0`,
        authorization_endpoint: `${origin}/${address}/oauth2/v2.0/authorize`,
        token_endpoint: `${origin}/${address}/oauth2/v2.0/token`,
        token_endpoint_auth_methods_supported: [
          'client_secret_post',
          'private_key_jwt',
          'client_secret_basic',
        ],
        jwks_uri: `${origin}/${address}/discovery/v2.0/keys`,
        userinfo_endpoint: `${origin}/oidc/userinfo`,
        end_session_endpoint: `${origin}/${address}/oauth2/v2.0/logout`,
        id_token_signing_alg_values_supported: ['RS256'],
        response_types_supported: ['code', 'id_token'],
        subject_types_supported: ['pairwise'],
      },
    }),
    paths: {
      authorize: `/${address}/oauth2/v2.0/authorize`,
      token: `/${address}/oauth2/v2.0/token`,
      jwks: `/${address}/discovery/v2.0/keys`,
    },
    idToken: (origin) => ({
      iss: iss ? iss(origin) : `${origin}/${tid}/v2.0`,
      sub: 'pairwise-subject',
      oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
      tid,
      name: 'Abe Lincoln',
      preferred_username: 'abeli@microsoft.com',
      email: 'abeli@microsoft.com',
      ver: '2.0',
      ...claims,
    }),
    tokens: { expires_in: 3599, scope: 'openid profile email User.Read' },
    api: {
      '/oidc/userinfo': () => ({
        json: { sub: 'pairwise-subject', name: 'Abe Lincoln', email: 'abeli@microsoft.com' },
      }),
      ...api,
    },
  };
}

const arrange = (
  t: Test,
  imitated: Imitated,
  keys: Record<string, unknown> & { tenant?: string } = {},
  allow: unknown = 'signed-in',
) => {
  const { tenant = ours, ...provider } = keys;
  return arrangePreset(t, imitated, {
    provider: (origin) => ({ preset: { name: 'entra', tenant, url: origin, api: origin }, ...provider }),
    allow,
  });
};

const groups = ['3bbc3d5e-0f5a-4f5f-9d2d-1f0fd5a8f9b1', 'f9c1f2a3-7c60-4a7a-8f0c-0d9b8d1b5f11'];
const graph = '/v1.0/me/transitiveMemberOf/microsoft.graph.group';

test('Entra: the object id, the username, and the groups of the ID token', async (t) => {
  const scene = await arrange(t, entraId({ claims: { groups } }));
  t.equal((await scene.signIn()).status, 200);
  t.strictSame(await personOf(scene), {
    user: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
    email: 'abeli@microsoft.com',
    username: 'abeli@microsoft.com',
    groups: groups.join(','),
  });
  t.match(scene.imitation.authorizationRequests[0]?.get('scope'), /^openid .*offline_access User.Read$/);
  t.notOk(
    scene.imitation.calls.some(({ path }) => path === graph),
    'Graph is not asked without need',
  );
});

test('Entra: who is in too many groups gets them all from Microsoft Graph, page by page', async (t) => {
  const overage = {
    _claim_names: { groups: 'src1' },
    _claim_sources: {
      src1: { endpoint: `https://graph.windows.net/${ours}/users/690222be/getMemberObjects` },
    },
  };
  const many = Array.from({ length: 250 }, (_, index) => `group-${index}`);
  const value = (from: number, to: number) =>
    many.slice(from, to).map((id) => ({ '@odata.type': '#microsoft.graph.group', id }));
  const scene = await arrange(
    t,
    entraId({
      claims: overage,
      api: {
        [graph]: ({ url, origin }) => ({
          json: url.searchParams.has('$skiptoken')
            ? { value: value(200, 250) }
            : { value: value(0, 200), '@odata.nextLink': `${origin}${graph}?$select=id&$skiptoken=x` },
        }),
      },
    }),
    {},
    [{ groups: 'group-249' }],
  );
  t.equal((await scene.signIn()).status, 200);
  t.equal((await personOf(scene)).groups, many.join(','));
});

test('Entra: an outage of Graph lets nobody in with fewer or older groups', async (t) => {
  const claims = { _claim_names: { groups: 'src1' } };
  const scene = await arrange(t, entraId({ claims, api: { [graph]: () => ({ status: 503, json: {} }) } }));
  t.equal((await scene.signIn()).status, 503);
});

test('Entra: of many tenants, those of the configuration are let in', async (t) => {
  const scene = await arrange(t, entraId({ address: 'organizations' }), {
    tenant: 'organizations',
    tenants: ours,
  });
  t.equal((await scene.signIn()).status, 200);
  t.equal((await personOf(scene)).user, '690222be-ff1a-4d56-abd1-7e4f7d38e474');
});

test('Entra: a tenant that is not of the configuration is refused', async (t) => {
  const imitated = entraId({ address: 'organizations', tid: theirs });
  const scene = await arrange(t, imitated, { tenant: 'organizations', tenants: ours });
  const answer = await scene.signIn();
  t.equal(answer.status, 403);
  t.equal(answer.headers['x-sallyport-error'], 'login_not_admitted');
  t.equal((await personOf(scene)).status, '401');
});

test('Entra: an ID token whose issuer is not that of its tenant is refused', async (t) => {
  const issuers: ((origin: string) => string)[] = [
    (origin) => `${origin}/${theirs}/v2.0`,
    (origin) => `${origin}/{tenantid}/v2.0`,
    (origin) => `${origin}/organizations/v2.0`,
    () => `https://login.microsoftonline.com/${ours}/v2.0`,
  ];
  for (const iss of issuers) {
    const imitated = entraId({ address: 'organizations', iss });
    const scene = await arrange(t, imitated, { tenant: 'organizations', tenants: ours });
    const answer = await scene.signIn();
    t.equal(answer.status, 400);
    t.equal(answer.headers['x-sallyport-error'], 'login_token_invalid', iss('…'));
  }
});

test('Entra: an ID token without a tenant, or with one that is more than that, is refused', async (t) => {
  for (const tid of [undefined, 7, '', 'a/../b', `${ours}/x`]) {
    const imitated = entraId({ address: 'organizations', claims: { tid } });
    const scene = await arrange(t, imitated, { tenant: 'organizations', insecureAnyTenant: true });
    const answer = await scene.signIn();
    t.equal(answer.headers['x-sallyport-error'], 'login_token_invalid', String(tid));
  }
});

test('Entra: insecureAnyTenant lets in every tenant', async (t) => {
  const imitated = entraId({ address: 'organizations', tid: theirs });
  const scene = await arrange(t, imitated, { tenant: 'organizations', insecureAnyTenant: true });
  t.equal((await scene.signIn()).status, 200);
});

test('Entra: the ID token of another tenant is refused where the address has one tenant', async (t) => {
  const scene = await arrange(t, entraId({ tid: theirs }));
  const answer = await scene.signIn();
  t.equal(answer.headers['x-sallyport-error'], 'login_token_invalid');
});

test('Entra: rules on emails count an address only when xms_edov says whose domain it is', async (t) => {
  const allow = [{ emailDomains: 'microsoft.com' }];
  for (const [claims, status] of [
    [{}, 403],
    [{ xms_edov: false }, 403],
    [{ xms_edov: true }, 200],
    [{ xms_edov: '1' }, 200],
  ] as const) {
    const scene = await arrange(t, entraId({ claims }), {}, allow);
    t.equal((await scene.signIn()).status, status, JSON.stringify(claims));
  }
});

test('Entra: tokens are refreshed with one issuer for each tenant too', async (t) => {
  const imitated = entraId({ address: 'organizations' });
  imitated.tokens = { expires_in: 2, refresh_token: 'refresh-1' };
  const scene = await arrange(t, imitated, { tenant: 'organizations', tenants: ours });
  await scene.signIn();
  await until('a refresh', async () => {
    t.equal((await personOf(scene)).user, '690222be-ff1a-4d56-abd1-7e4f7d38e474');
    return scene.imitation.tokenRequests.some((request) => request.get('grant_type') === 'refresh_token');
  });
  imitated.idToken = (origin) => ({ iss: `${origin}/${theirs}/v2.0`, sub: 'pairwise-subject', tid: theirs });
  await until('the end of the session', async () => (await personOf(scene)).status === '401');
});

import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import tap, { type Test, test } from 'tap';
import { onPath, sendJson } from '../attack/forged-token.ts';
import { anotherBrowser, type LoginScene } from '../login/steps.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { type Certificate, makeCertificate } from '../support/certificate.ts';
import { startTestGateway } from '../support/gateway.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { logIn } from '../support/log-in.ts';
import { type ProviderOptions, startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { assertLoginAndRefresh, headerOf, registration } from './scene.ts';

/** Most of the time is waiting for tokens to expire, so the tests wait together. */
tap.jobs = 4;
const waiting = () => ({ buffered: true });

/** Of the provider, and of the gateway. */
const certificates = Promise.all([makeCertificate(), makeCertificate('gateway')]);

/** What oidc-provider is told of the connection that a request came over. */
const mTLS = {
  enabled: true,
  certificateBoundAccessTokens: true,
  selfSignedTlsClientAuth: true,
  tlsClientAuth: true,
  getCertificate: (ctx: KoaContextWithOIDC) =>
    (ctx.socket as TLSSocket).getPeerX509Certificate?.()?.toString(),
  certificateAuthorized: (ctx: KoaContextWithOIDC) => (ctx.socket as TLSSocket).authorized === true,
  certificateSubjectMatches: (ctx: KoaContextWithOIDC, _property: string, expected: string) =>
    (ctx.socket as TLSSocket).getPeerX509Certificate?.()?.subject === expected,
};

const mtlsProvider = (profile: 'standard' | 'fapi2'): ProviderOptions => ({
  ttl: { accessToken: 3 },
  conformIdTokenClaims: true,
  configuration: {
    clientAuthMethods: ['tls_client_auth', 'self_signed_tls_client_auth'],
    features: { mTLS, ...(profile === 'fapi2' && { fapi: { enabled: true, profile: '2.0' } }) },
  } as Configuration,
});

/** A provider whose endpoints are reached over TLS that asks for a certificate, and a gateway that has one. */
async function arrangeMtls(
  t: Test,
  method: 'tls_client_auth' | 'self_signed_tls_client_auth',
  { aliases, profile = 'standard' }: { aliases: boolean; profile?: 'standard' | 'fapi2' },
): Promise<LoginScene & { certificate: Certificate; ca: string; paths: string[] }> {
  const [server, certificate] = await certificates;
  const { raw, subject, publicKey } = new X509Certificate(certificate.cert);
  const jwk = { ...publicKey.export({ format: 'jwk' }), x5c: [raw.toString('base64')] };
  const client = registration({
    token_endpoint_auth_method: method,
    tls_client_certificate_bound_access_tokens: true,
    ...(profile === 'fapi2' && { id_token_signed_response_alg: 'ES256' }),
    ...(method === 'tls_client_auth'
      ? { tls_client_auth_subject_dn: subject }
      : { jwks: { keys: [jwk as never] } }),
  });
  const provider = await startProvider({ clients: [client], ...mtlsProvider(profile) });
  t.teardown(() => provider.stop());
  const paths: string[] = [];
  const handler = provider.provider.callback();
  const front = createServer(
    {
      cert: server.cert,
      key: server.key,
      ca: certificate.cert,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      paths.push(request.url ?? '');
      handler(request, response);
    },
  );
  const { url, close } = await listenOnLoopback(front, 'https');
  t.teardown(close);
  if (aliases) {
    const mtls_endpoint_aliases = {
      token_endpoint: `${url}/token`,
      userinfo_endpoint: `${url}/me`,
      revocation_endpoint: `${url}/token/revocation`,
      pushed_authorization_request_endpoint: `${url}/request`,
    };
    provider.tamper(
      onPath('/.well-known/openid-configuration', async (hit) => {
        sendJson(hit, { ...JSON.parse((await hit.original()).body), mtls_endpoint_aliases });
      }),
    );
  }
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({
    provider,
    upstream,
    config: {
      provider: {
        clientAuth: method,
        profile,
        tls: { cert: certificate.certFile, key: certificate.keyFile },
        ca: server.certFile,
        ...(aliases ? { par: true } : { tokenEndpoint: `${url}/token`, userinfoEndpoint: `${url}/me` }),
      },
    },
  });
  t.teardown(() => gateway.close());
  return { provider, upstream, gateway, client: anotherBrowser(t), certificate, ca: server.certFile, paths };
}

for (const method of ['tls_client_auth', 'self_signed_tls_client_auth'] as const) {
  for (const aliases of [true, false]) {
    const how = aliases ? 'by the aliases that the provider publishes' : 'at the endpoints themselves';
    test(`${method}: login, userinfo and refresh, ${how}`, waiting(), async (t) => {
      const scene = await arrangeMtls(t, method, { aliases });
      await assertLoginAndRefresh(t, scene);
      t.equal(await headerOf(scene, 'x-forwarded-email'), 'ada@example.com', 'userinfo saw the certificate');
      const authorization = (await headerOf(scene, 'authorization')) ?? '';
      const token = await scene.provider.provider.AccessToken.find(authorization.replace('Bearer ', ''));
      const { fingerprint256 } = new X509Certificate(scene.certificate.cert);
      const thumbprint = Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
      t.equal(token?.['x5t#S256'], thumbprint, 'the token is bound to it');
      t.ok(scene.paths.includes('/token') && scene.paths.includes('/me'));
      t.equal(scene.provider.hits.get('/token'), undefined, 'and nothing went another way');
      if (!aliases) return;
      t.ok(scene.paths.includes('/request'), 'the pushed request too');
      await scene.client.navigate(`${scene.gateway.url}/oauth2/sign_out`);
      await until(
        'the revocation',
        () => scene.paths.filter((path) => path === '/token/revocation').length === 1,
      );
    });
  }
}

test(
  'profile fapi2 with a certificate: tokens are bound by it, and nothing is signed',
  waiting(),
  async (t) => {
    const scene = await arrangeMtls(t, 'tls_client_auth', { aliases: true, profile: 'fapi2' });
    await assertLoginAndRefresh(t, scene);
    t.ok(scene.paths.includes('/request'), 'the request was pushed');
    t.match(await headerOf(scene, 'authorization'), /^Bearer /, 'the token is none of DPoP');
    t.same(
      scene.provider.events.filter(({ name }) => name === 'server_error'),
      [],
    );
  },
);

test('without its certificate the gateway gets no token', async (t) => {
  const scene = await arrangeMtls(t, 'tls_client_auth', { aliases: true });
  const other = await makeCertificate('stranger');
  const gateway = await startTestGateway({
    provider: scene.provider,
    upstream: scene.upstream,
    config: {
      provider: {
        clientAuth: 'tls_client_auth',
        tls: { cert: other.certFile, key: other.keyFile },
        ca: scene.ca,
      },
    },
  });
  t.teardown(() => gateway.close());
  await t.rejects(logIn(scene.client, gateway.url, 'ada'), /no session/);
});

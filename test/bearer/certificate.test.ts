import { createHash, X509Certificate } from 'node:crypto';
import { Agent, request } from 'node:https';
import { test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { type Certificate, makeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { api, arrangeBearer, signedToken, startIssuer } from './scene.ts';

const digestOf = ({ cert }: Certificate) =>
  createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url');

/** A GET over TLS, with a client certificate or none; gives the status. */
function get(
  url: string,
  authorization: string,
  shown?: Certificate,
  agent: Agent | false = false,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        headers: { authorization },
        rejectUnauthorized: false,
        agent,
        ...(shown && { cert: shown.cert, key: shown.key }),
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

test('E5: a token that is bound to a certificate passes with that certificate, and only so', async (t) => {
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const [server, mine, other] = await Promise.all([
    makeCertificate(),
    makeCertificate('robot'),
    makeCertificate('robot'),
  ]);
  const port = await freePort();
  const gateway = await startTestGateway({
    upstream,
    config: {
      publicUrl: `https://localhost:${port}`,
      provider: undefined,
      bearer: [{ issuer: provider.issuer, audience: api }],
      listen: {
        address: `127.0.0.1:${port}`,
        tls: { cert: server.certFile, key: server.keyFile, clientCertificates: 'request' },
      },
    },
  });
  t.teardown(() => gateway.close());
  const url = `https://localhost:${port}/`;
  const bound = `Bearer ${await signedToken(provider, { claims: { cnf: { 'x5t#S256': digestOf(mine) } } })}`;
  t.equal(await get(url, bound, mine), 200);
  t.equal(await get(url, bound, other), 401, 'another certificate of the same name');
  t.equal(await get(url, bound), 401, 'none');
  const plain = `Bearer ${await signedToken(provider)}`;
  t.equal(await get(url, plain), 200, 'who has no certificate may still come with a plain token');
  t.equal(await get(url, plain, mine), 200);
  t.equal(await get(url, 'Bearer x', mine), 401, 'a certificate alone signs nobody in');
  const resuming = new Agent({ keepAlive: false, maxCachedSessions: 10 });
  for (const round of [1, 2, 3]) t.equal(await get(url, bound, mine, resuming), 200, `connection ${round}`);
});

test('E5: where no certificate is asked for, such a token is refused', async (t) => {
  const scene = await arrangeBearer(t);
  const mine = await makeCertificate();
  const token = await scene.token({ claims: { cnf: { 'x5t#S256': digestOf(mine) } } });
  t.equal((await scene.ask('/', token)).status, 401);
  const pem = encodeURIComponent(mine.cert);
  const headers = { 'x-forwarded-client-cert': pem, 'x-ssl-client-cert': pem, 'client-cert': `:${pem}:` };
  t.equal((await scene.ask('/', token, { headers })).status, 401, 'headers show no certificate');
});

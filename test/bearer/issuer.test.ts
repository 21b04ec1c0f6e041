import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { stringify } from 'yaml';
import { onPath, sendJson } from '../attack/forged-token.ts';
import { projectRoot } from '../docs/documents.ts';
import { until } from '../support/until.ts';
import { api, arrangeBearer, signedToken, startIssuer } from './scene.ts';

test('an issuer that has RFC 8414 metadata only is found by that', async (t) => {
  const scene = await arrangeBearer(t);
  scene.provider.tamper(onPath('/.well-known/openid-configuration', (hit) => hit.send({ status: 404 })));
  t.equal((await scene.ask('/', await scene.token())).status, 200);
  t.equal(scene.provider.hits.get('/.well-known/oauth-authorization-server'), 1);
});

test('metadata of another issuer is not used, and its keys are not fetched', async (t) => {
  const scene = await arrangeBearer(t);
  scene.provider.tamper((hit) =>
    hit.path.startsWith('/.well-known/')
      ? sendJson(hit, { issuer: 'https://evil.example', jwks_uri: `${scene.provider.issuer}/jwks` })
      : hit.pass(),
  );
  const answer = await scene.ask('/', await scene.token());
  t.equal(answer.status, 503);
  t.equal(scene.provider.hits.get('/jwks'), undefined);
  scene.provider.tamper(undefined);
  await until('the issuer', async () => (await scene.ask('/', await scene.token())).status === 200);
});

test('keys at a configured address need no discovery', async (t) => {
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const { issuer } = provider;
  const scene = await arrangeBearer(t, {
    bearer: [{ issuer, audience: api, jwksUri: `${issuer}/jwks` }],
  });
  t.equal((await scene.ask('/', await signedToken(provider))).status, 200);
  t.equal(provider.hits.get('/.well-known/openid-configuration'), undefined);
});

test('answers in place of keys that are no keys let nobody in', async (t) => {
  const answers = [
    '',
    '[]',
    '{}',
    '{"keys":{}}',
    '{"keys":[]}',
    '{"keys":[{}]}',
    '{"keys":[{"kty":"RSA"}]}',
    'null',
  ];
  for (const body of answers) {
    const scene = await arrangeBearer(t);
    const headers = { 'content-type': 'application/json' };
    scene.provider.tamper(onPath('/jwks', (hit) => hit.send({ headers, body })));
    const { status } = await scene.ask('/', await scene.token());
    t.ok([401, 503].includes(status), `${body}: ${status}`);
    t.strictSame(scene.upstream.requests, []);
  }
});

test('check tries each issuer of access tokens', async (t) => {
  const scene = await arrangeBearer(t);
  const { issuer, clientId, clientSecret } = scene.provider;
  const opaque = { introspectionEndpoint: `${issuer}/token/introspection`, clientId, audience: api };
  const run = (bearer: object[]) =>
    new Promise<{ code: number; text: string }>((resolve) => {
      const file = join(t.testdirName, 'c.yaml');
      writeFileSync(
        file,
        stringify({ publicUrl: 'https://app.example.com', upstream: scene.upstream.url, bearer }),
      );
      const program = join(projectRoot, 'dist/src/main.js');
      execFile(process.execPath, [program, 'check', '-c', file], (error, stdout) =>
        resolve({ code: Number(error?.code ?? 0), text: stdout }),
      );
    });
  t.testdir({});
  const good = await run([
    { issuer, audience: api },
    { ...opaque, clientSecret },
  ]);
  t.match(good, { code: 0, text: /ok {5}access tokens of .*introspection/ });
  const bad = await run([
    { issuer: `${issuer}/nowhere`, audience: api },
    { ...opaque, clientSecret: 'wrong' },
  ]);
  t.equal(bad.code, 1);
  t.equal(bad.text.match(/FAIL {3}access tokens of/g)?.length, 2);
});

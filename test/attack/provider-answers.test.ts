import { type Test, test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { openFiles } from '../../src/files.ts';
import { createProviderHttp } from '../../src/identity/provider/http.ts';
import { fetchMetadata } from '../../src/identity/provider/metadata.ts';
import {
  anotherBrowser,
  arrangeLogin,
  hitsOf,
  isSignedIn,
  type LoginScene,
  reachCallback,
} from '../login/steps.ts';
import { startTestGateway } from '../support/gateway.ts';
import { gatewayYaml, onlyProvider } from '../support/gateway-config.ts';
import { type ProviderHit, startProvider, type Tamper } from '../support/provider.ts';
import { onPath, sendJson } from './forged-token.ts';
import { assertRefused } from './refusal.ts';

/** A provider that is slow is given up after a second, so that no test waits long. */
const patience = { provider: { timeout: '1s' } };

const html = '<html><body>eyJhbGciOiJub25lIn0.e30. <script>alert(1)</script></body></html>';

/** Ways to answer that are none, and the status that the browser gets for it. */
const answers: Record<string, { answer(hit: ProviderHit): void | Promise<void>; status: 400 | 503 }> = {
  HTML: { answer: (hit) => hit.send({ headers: { 'content-type': 'text/html' }, body: html }), status: 400 },
  'HTML that calls itself JSON': {
    answer: (hit) => hit.send({ headers: { 'content-type': 'application/json' }, body: html }),
    status: 400,
  },
  'JSON that is no object': { answer: (hit) => sendJson(hit, ['a', 1, null]), status: 400 },
  'JSON null': { answer: (hit) => sendJson(hit, null), status: 400 },
  nothing: { answer: (hit) => hit.send({ status: 204 }), status: 400 },
  'half a JSON': {
    answer: (hit) =>
      hit.send({ headers: { 'content-type': 'application/json' }, body: '{"access_token":"a' }),
    status: 400,
  },
  'a form, as some providers do': {
    answer: (hit) =>
      hit.send({
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'access_token=abc&token_type=bearer',
      }),
    status: 400,
  },
  'an error with status 200': {
    answer: (hit) => sendJson(hit, { error: 'bad_verification_code' }),
    status: 400,
  },
  '400 invalid_grant': { answer: (hit) => sendJson(hit, { error: 'invalid_grant' }, 400), status: 400 },
  '401 invalid_client': { answer: (hit) => sendJson(hit, { error: 'invalid_client' }, 401), status: 503 },
  'a refusal': { answer: (hit) => sendJson(hit, { error: 'access_denied' }, 401), status: 400 },
  '404': { answer: (hit) => hit.send({ status: 404, body: html }), status: 400 },
  '500': { answer: (hit) => hit.send({ status: 500, body: html }), status: 503 },
  '503 with JSON': { answer: (hit) => sendJson(hit, { error: 'temporarily_unavailable' }, 503), status: 503 },
  '429': { answer: (hit) => hit.send({ status: 429 }), status: 503 },
  'a reset': { answer: (hit) => void hit.response.destroy(), status: 503 },
  'a head without a body': {
    answer: ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"access_token":');
      setTimeout(() => response.destroy(), 50);
    },
    status: 503,
  },
  'a body that never ends': {
    answer: ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(timer));
    },
    status: 503,
  },
  silence: { answer: () => {}, status: 503 },
  'more than 1 MiB': {
    answer: (hit) => sendJson(hit, { access_token: 'a'.repeat(2 * 1024 * 1024), token_type: 'Bearer' }),
    status: 400,
  },
  'a body without end, as fast as it goes': {
    answer: ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const block = ' '.repeat(64 * 1024);
      const pump = () => {
        while (!response.destroyed && response.write(block));
      };
      response.on('drain', pump);
      response.on('error', () => {});
      pump();
    },
    status: 400,
  },
};

test('C18 a token endpoint that answers anything but tokens signs nobody in and keeps nobody waiting', async (t) => {
  const scene = await arrangeLogin(t, { config: patience });
  for (const [name, { answer, status }] of Object.entries(answers)) {
    await t.test(`${name}: refused`, async (sub) => {
      await assertFailure(sub, scene, onPath('/token', answer), status);
    });
  }
});

async function assertFailure(t: Test, scene: LoginScene, tamper: Tamper, status: number): Promise<void> {
  const { provider, gateway } = scene;
  const client = anotherBrowser(t);
  const { callback } = await reachCallback(client, gateway.url);
  const before = hitsOf(scene, '/token');
  provider.tamper(tamper);
  const start = performance.now();
  const answer = await client.navigate(callback.href);
  const seconds = (performance.now() - start) / 1000;
  provider.tamper(undefined);
  t.ok(seconds < 4, `answered in ${seconds.toFixed(1)} s`);
  const code = String(answer.headers['x-sallyport-error']);
  t.match(
    code,
    status === 503 ? /^(provider_unavailable|client_rejected)$/ : /^login_(response|token)_invalid$/,
  );
  await assertRefused(t, { gateway, client }, answer, { status, code });
  t.notMatch(answer.text, '<script', 'nothing of what came');
  if (status === 503) t.match(answer.headers['retry-after'], /^\d+$/, 'when to try again');
  t.equal(hitsOf(scene, '/token') - before, 1, 'the code was sent once');
}

test('C18 a token endpoint that redirects is not followed, so the code goes nowhere else', async (t) => {
  const scene = await arrangeLogin(t, { config: patience });
  const { provider } = scene;
  for (const status of [301, 302, 303, 307, 308]) {
    const location = `${provider.issuer}/elsewhere`;
    const redirect = onPath('/token', (hit) => hit.send({ status, headers: { location } }));
    await assertFailure(t, scene, redirect, 400);
  }
  t.equal(hitsOf(scene, '/elsewhere'), 0);
});

test('C18 keys that cannot be had refuse the login', async (t) => {
  for (const name of ['HTML', '500', 'silence', 'more than 1 MiB', 'a reset', 'JSON null']) {
    const { answer, status } = answers[name] ?? { answer: () => {}, status: 503 };
    const scene = await arrangeLogin(t, { config: patience });
    await t.test(`${name}: refused`, (sub) => assertFailure(sub, scene, onPath('/jwks', answer), status));
  }
});

test('C18 userinfo that cannot be had refuses the login where userinfo is asked for', async (t) => {
  const scene = await arrangeLogin(t, { config: { provider: { timeout: '1s', userinfo: true } } });
  for (const name of ['HTML', '500', 'silence', 'more than 1 MiB', 'a reset', 'JSON null', 'a refusal']) {
    const { answer, status } = answers[name] ?? { answer: () => {}, status: 503 };
    await t.test(`${name}: refused`, (sub) => assertFailure(sub, scene, onPath('/me', answer), status));
  }
});

test('C18 a gateway that met all of this serves the next person', async (t) => {
  const scene = await arrangeLogin(t, { config: patience });
  const { provider, gateway } = scene;
  for (const { answer } of Object.values(answers)) {
    const client = anotherBrowser(t);
    const { callback } = await reachCallback(client, gateway.url);
    provider.tamper(onPath('/token', answer));
    // Nobody waits for the answer: the next login begins while this one still hangs.
    void client.navigate(callback.href).catch(() => {});
    provider.tamper(undefined);
  }
  const client = anotherBrowser(t);
  const { callback } = await reachCallback(client, gateway.url);
  t.equal((await client.navigate(callback.href)).status, 302);
  t.ok(await isSignedIn(client, gateway.url));
});

const discovery = '/.well-known/openid-configuration';

/** Answers discovery with other metadata. */
function alterMetadata(alter: (metadata: Record<string, unknown>) => unknown): Tamper {
  return onPath(discovery, async (hit) => {
    sendJson(hit, alter(JSON.parse((await hit.original()).body) as Record<string, unknown>));
  });
}

test('C20 a provider whose metadata names another issuer is not used, and the log says so', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  for (const issuer of ['https://evil.example', `${provider.issuer}/realm`, '', undefined, 7]) {
    await t.test(`issuer ${issuer}`, async (t) => {
      provider.tamper(alterMetadata((metadata) => ({ ...metadata, issuer })));
      const gateway = await startTestGateway({
        provider,
        upstream: 'http://127.0.0.1:9',
        awaitProvider: false,
      });
      t.teardown(() => gateway.close());
      const line = await gateway.log.line(({ msg }) => msg === 'provider not found');
      t.match(line.reason, /issuer/, String(issuer));
      const answer = await anotherBrowser(t).navigate(`${gateway.url}/`);
      t.equal(answer.status, 503);
      t.match(answer.headers['retry-after'], /^\d+$/);
      t.equal(answer.headers['x-sallyport-error'], 'provider_unavailable');
      t.same(answer.setCookies, []);
    });
  }
});

test('C20 metadata without endpoints, or that is none, is not used', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const elsewhere = await startProvider();
  t.teardown(() => elsewhere.stop());
  const moved = { status: 302, headers: { location: `${elsewhere.issuer}/moved` } };
  const tampers: Record<string, Tamper> = {
    'no authorization endpoint': alterMetadata(({ authorization_endpoint: _, ...metadata }) => metadata),
    'no token endpoint': alterMetadata(({ token_endpoint: _, ...metadata }) => metadata),
    'an endpoint that is no URL': alterMetadata((metadata) => ({ ...metadata, token_endpoint: 'not a URL' })),
    'no object': alterMetadata(() => ['no object']),
    'a redirect to another origin': onPath(discovery, (hit) => hit.send(moved)),
    HTML: onPath(discovery, (hit) => hit.send({ headers: { 'content-type': 'text/html' }, body: html })),
  };
  for (const [name, tamper] of Object.entries(tampers)) {
    await t.test(name, async (t) => {
      provider.tamper(tamper);
      const gateway = await startTestGateway({
        provider,
        upstream: 'http://127.0.0.1:9',
        awaitProvider: false,
      });
      t.teardown(() => gateway.close());
      await gateway.log.line(({ msg }) => msg === 'provider not found');
      t.equal((await anotherBrowser(t).navigate(`${gateway.url}/`)).status, 503);
    });
  }
  t.equal(elsewhere.hits.size, 0, 'nobody else was asked');
});

test('C21 an endpoint on plain http of another machine is refused unless insecureHttp is set', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const names = [
    'authorization_endpoint',
    'token_endpoint',
    'userinfo_endpoint',
    'jwks_uri',
    'end_session_endpoint',
    'revocation_endpoint',
  ];
  for (const name of names) {
    await t.test(name, async (t) => {
      provider.tamper(
        alterMetadata((metadata) => ({ ...metadata, [name]: 'http://id.example.com/endpoint' })),
      );
      for (const insecureHttp of [false, true]) {
        const yaml = gatewayYaml(
          { provider, upstream: 'http://127.0.0.1:9', config: { provider: { insecureHttp } } },
          1,
        );
        const { config } = parseConfig(yaml, { file: 'sallyport.yaml', env: {} });
        const http = createProviderHttp(onlyProvider(config), openFiles().read);
        t.teardown(() => http.close());
        const found = fetchMetadata(onlyProvider(config), http);
        if (insecureHttp) await t.resolves(found, `${name} with insecureHttp`);
        else await t.rejects(found, { message: new RegExp(`${name} is plain http`) }, name);
      }
    });
  }
});

test('C21 endpoints given by hand on plain http of another machine are refused too', async (t) => {
  for (const name of ['tokenEndpoint', 'jwksUri', 'revocationEndpoint', 'endSessionEndpoint', 'issuer']) {
    await t.test(name, async (t) => {
      const yaml = gatewayYaml(
        { upstream: 'http://127.0.0.1:9', config: { provider: { [name]: 'http://id.example.com/x' } } },
        1,
      );
      t.throws(() => parseConfig(yaml, { file: 'sallyport.yaml', env: {} }), /./, name);
    });
  }
});

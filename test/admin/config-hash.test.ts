import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import { configHash } from '../../src/admin/status/config-hash.ts';
import { parseConfig } from '../../src/config/load.ts';
import { gatewayYaml } from '../support/gateway-config.ts';

const secret = randomBytes(32).toString('base64');

const hashOf = (config: Record<string, unknown>): string =>
  configHash(
    parseConfig(gatewayYaml({ upstream: 'http://127.0.0.1:9', config }, 4180), { env: {}, file: 'a' }).config,
  );

test('the hash is the same where the configuration is, secrets included', (t) => {
  const base = { session: { secret } };
  const client = (clientSecret: string) => ({ ...base, provider: { clientSecret } });
  t.match(hashOf(base), /^[0-9a-f]{12}$/);
  t.equal(hashOf(base), hashOf(base));
  t.not(hashOf(base), hashOf({ ...base, workers: 2 }));
  t.not(hashOf(client('one-secret-of-it')), hashOf(client('another-secret-of-it')));
  t.not(hashOf(base), hashOf({ session: { secret: randomBytes(32).toString('base64') } }));
  t.end();
});

test('without a secret of sessions nobody tries others against it, and it is no other one after a restart', (t) => {
  const open = (password: string) => ({
    session: undefined,
    provider: undefined,
    routes: [
      {
        path: '/',
        upstream: 'http://127.0.0.1:9',
        allow: 'public',
        basicAuth: { username: 'app', password },
      },
    ],
    upstream: undefined,
  });
  t.equal(hashOf(open('guess-1')), hashOf(open('guess-1')));
  t.equal(hashOf(open('guess-1')), hashOf(open('guess-2')));
  t.not(hashOf(open('guess-1')), hashOf({ ...open('guess-1'), publicUrl: 'http://127.0.0.1:4999' }));
  t.end();
});

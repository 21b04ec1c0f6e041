import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError, formatPath } from '../../src/config/problems.ts';

function read(shutdown: unknown) {
  const config = {
    publicUrl: 'https://app.example.com',
    provider: { issuer: 'https://id.example.com', clientId: 'app', clientSecret: 's' },
    session: { secret: Buffer.alloc(32, 7).toString('base64') },
    upstream: 'http://a:1',
    ...(shutdown === undefined ? {} : { shutdown }),
  };
  try {
    return parseConfig(JSON.stringify(config), { file: 'sallyport.yaml', env: {} }).config.shutdown;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
  }
}

test('shutdown: its defaults, and what leaves no time', async (t) => {
  t.same(read(undefined), { delay: 0, timeout: 25_000 });
  t.same(read({ delay: '5s' }), { delay: 5000, timeout: 25_000 });
  t.same(read({ delay: '1m', timeout: '24h' }), { delay: 60_000, timeout: 86_400_000 });
  for (const shutdown of [{ delay: '25s' }, { delay: '30s' }, { delay: '5s', timeout: '4s' }]) {
    t.match(read(shutdown), [/^shutdown\.delay: it is part of `shutdown.timeout`/], JSON.stringify(shutdown));
  }
  for (const shutdown of [{ timeout: '0s' }, { timeout: '30d' }, { timeout: 'soon' }, { timeout: 25 }]) {
    t.match(read(shutdown), [/^shutdown\.timeout: .*duration/], JSON.stringify(shutdown));
  }
  t.match(read({ delay: '-1s' }), [/^shutdown\.delay: .*duration/]);
  t.match(read({ grace: '5s' }), [/grace/]);
});

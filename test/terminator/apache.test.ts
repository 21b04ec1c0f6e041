import { test } from 'tap';
import { startApacheFront } from '../support/fronts.ts';
import { checkTerminator } from './check.ts';
import { arrangeTerminator } from './scene.ts';

const modules = [
  'headers',
  'http2',
  'proxy',
  'proxy_http',
  'proxy_wstunnel',
  'reqtimeout',
  'socache_shmcb',
  'ssl',
];

test('Apache ends TLS in front of the gateway', async (t) => {
  const scene = await arrangeTerminator(
    t,
    'apache.conf',
    (text) => startApacheFront(modules, text),
    (text, { port }) => text.replace('*:443', `127.0.0.1:${port}`),
  );
  await checkTerminator(t, scene);
});

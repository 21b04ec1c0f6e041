import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { startHaproxyFront } from '../support/fronts.ts';
import { checkTerminator } from './check.ts';
import { arrangeTerminator } from './scene.ts';

test('HAProxy ends TLS in front of the gateway', async (t) => {
  const scene = await arrangeTerminator(t, 'haproxy.cfg', startHaproxyFront, (text, { port, folder }) => {
    const file = join(folder, 'both.pem');
    const parts = ['tls.pem', 'tls.key'].map((name) => readFileSync(join(folder, name), 'utf8'));
    writeFileSync(file, parts.join(''));
    return text
      .replace('bind :443', `bind 127.0.0.1:${port}`)
      .replace('/etc/haproxy/app.example.com.pem', file);
  });
  await checkTerminator(t, scene);
});

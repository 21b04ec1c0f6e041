import { test } from 'tap';
import { startNginxFront } from '../support/fronts.ts';
import { checkTerminator } from './check.ts';
import { arrangeTerminator } from './scene.ts';

test('nginx ends TLS in front of the gateway', async (t) => {
  const scene = await arrangeTerminator(t, 'nginx.conf', startNginxFront, (text, { port }) =>
    text.replace('listen 443', `listen 127.0.0.1:${port}`),
  );
  await checkTerminator(t, scene, { noExtendedConnect: true });
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from '../../docs/documents.ts';
import type { ConfigFor } from '../../support/fronts.ts';
import { startTraefikFront } from '../../support/fronts-current.ts';
import { checkTerminator } from '../check.ts';
import { checkHttp3 } from '../http3.ts';
import { arrangeTerminator } from '../scene.ts';

test('Traefik ends TLS in front of the gateway', async (t) => {
  const entry = await readFile(join(projectRoot, 'config/terminator', 'traefik.yaml'), 'utf8');
  const start = (configFor: ConfigFor) =>
    startTraefikFront(configFor, ({ port }) => entry.replace('":443"', `"127.0.0.1:${port}"`));
  const scene = await arrangeTerminator(t, 'traefik-dynamic.yaml', start, (text) =>
    text.replaceAll('app.example.com', '127.0.0.1'),
  );
  await checkTerminator(t, scene, { noExtendedConnect: true });
  await checkHttp3(t, scene);
});

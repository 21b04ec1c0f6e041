import { test } from 'tap';
import { startCaddyFront } from '../support/fronts.ts';
import { placeCaddy } from './caddy-place.ts';
import { checkTerminator } from './check.ts';
import { checkHttp3 } from './http3.ts';
import { arrangeTerminator } from './scene.ts';

test('Caddy ends TLS in front of the gateway', async (t) => {
  const scene = await arrangeTerminator(t, 'Caddyfile', (text) => startCaddyFront(text), placeCaddy);
  await checkTerminator(t, scene, { noExtendedConnect: true });
  await checkHttp3(t, scene);
});

import { test } from 'tap';
import { startCaddyFront } from '../../support/fronts.ts';
import { placeCaddy } from '../caddy-place.ts';
import { checkTerminator } from '../check.ts';
import { checkHttp3 } from '../http3.ts';
import { arrangeTerminator } from '../scene.ts';

const command = process.env.CADDY_BIN ?? 'caddy';

test('current Caddy ends TLS in front of the gateway', async (t) => {
  const start = (configFor: Parameters<typeof startCaddyFront>[0]) => startCaddyFront(configFor, command);
  const scene = await arrangeTerminator(t, 'Caddyfile', start, placeCaddy);
  await checkTerminator(t, scene, { noExtendedConnect: true });
  await checkHttp3(t, scene);
});

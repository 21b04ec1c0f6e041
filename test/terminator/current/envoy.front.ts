import { test } from 'tap';
import { startEnvoyFront } from '../../support/fronts-current.ts';
import { checkTerminator } from '../check.ts';
import { arrangeTerminator } from '../scene.ts';

test('Envoy ends TLS in front of the gateway', async (t) => {
  const scene = await arrangeTerminator(t, 'envoy.yaml', startEnvoyFront, (text, { port }) =>
    text.replace('address: 0.0.0.0, port_value: 443', `address: 127.0.0.1, port_value: ${port}`),
  );
  await checkTerminator(t, scene, { refusesForgedConnection: true });
});

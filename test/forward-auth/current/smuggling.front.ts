import { test } from 'tap';
import { checkSmuggling } from '../check-smuggling.ts';
import { currentCaddy } from '../fronts/caddy.ts';
import { envoy } from '../fronts/envoy.ts';
import { traefik } from '../fronts/traefik.ts';

for (const front of [currentCaddy, traefik, envoy]) {
  for (const mode of ['asks', 'terminates'] as const) {
    const use = mode === 'asks' ? 'that asks the gateway' : 'in front of the gateway';
    test(`nothing is hidden behind another request through ${front.name} ${use}`, (t) =>
      checkSmuggling(t, front, mode));
  }
}

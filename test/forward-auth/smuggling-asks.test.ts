import { test } from 'tap';
import { checkSmuggling } from './check-smuggling.ts';
import { apache } from './fronts/apache.ts';
import { caddy } from './fronts/caddy.ts';
import { haproxy } from './fronts/haproxy.ts';
import { nginx } from './fronts/nginx.ts';

for (const front of [nginx, apache, haproxy, caddy]) {
  test(`nothing is hidden behind another request through ${front.name} that asks the gateway`, (t) =>
    checkSmuggling(t, front, 'asks'));
}

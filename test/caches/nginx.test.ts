import { test } from 'tap';
import { startNginxFront } from '../support/fronts.ts';
import { checkCache } from './check.ts';

test('nginx as a shared cache never gives a person’s session or page to the next', (t) =>
  checkCache(t, (gateway) =>
    startNginxFront(
      ({ port, folder }) => `
  proxy_cache_path ${folder}/cache keys_zone=pages:10m;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://${gateway};
      proxy_set_header Host $http_host;
      proxy_cache pages;
      proxy_cache_revalidate on;
      proxy_cache_lock off;
      # Many sites copy these two lines: without them, nginx keeps nothing that sets a cookie or says nothing.
      proxy_ignore_headers Set-Cookie;
      proxy_cache_valid any 10m;
    }
  }`,
    ),
  ));

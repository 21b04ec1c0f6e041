import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { startApacheFront } from '../support/fronts.ts';
import { checkCache } from './check.ts';

test('Apache as a shared cache never gives a person’s session or page to the next', (t) =>
  checkCache(t, (gateway) =>
    startApacheFront(['proxy', 'proxy_http', 'cache', 'cache_disk'], async ({ folder }) => {
      const root = join(folder, 'cache');
      await mkdir(root);
      await chmod(root, 0o777);
      // Set-Cookie is kept and given to everybody unless one says otherwise: that is how Apache comes.
      return `
ProxyPreserveHost On
ProxyPass / http://${gateway}/
CacheRoot ${root}
CacheEnable disk /
CacheIgnoreNoLastMod On
CacheDefaultExpire 600`;
    }),
  ));

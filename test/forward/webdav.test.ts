import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { arrangeGateway, type Teardown } from '../support/arrange.ts';
import { startApacheFront } from '../support/fronts.ts';

/** Apache with mod_dav, which compares scheme, host and port of Destination with its own. */
async function startDav(t: Teardown) {
  const dav = await startApacheFront(['authz_host', 'mime', 'dav', 'dav_fs'], async ({ folder }) => {
    const files = join(folder, 'files');
    for (const path of [files, join(files, 'sub')]) {
      await mkdir(path);
      await chmod(path, 0o777);
    }
    await writeFile(join(files, 'a.txt'), 'the text');
    await chmod(join(files, 'a.txt'), 0o666);
    await chmod(folder, 0o777);
    return `TypesConfig /dev/null
DavLockDB ${folder}/locks
DocumentRoot ${files}
<Directory ${files}>
  Require all granted
  Dav On
</Directory>
`;
  });
  t.teardown(() => dav.stop());
  return dav;
}

test('COPY and MOVE reach mod_dav with an address that it knows, whatever the Host', async (t) => {
  for (const preserveHost of [true, false]) {
    for (const stripPrefix of [false, true]) {
      await t.test(`preserveHost ${preserveHost}, stripPrefix ${stripPrefix}`, async (sub) => {
        const dav = await startDav(sub);
        const publicUrl = 'https://app.example.com';
        const base = stripPrefix ? '/dav' : '';
        const { gateway, client } = await arrangeGateway(sub, {
          config: {
            publicUrl,
            routes: [{ path: base || '/', upstream: dav.url, allow: 'public', preserveHost, stripPrefix }],
          },
        });
        const send = (method: string, path: string, destination?: string) =>
          client.request(gateway.url + base + path, {
            method,
            headers: { host: 'app.example.com', ...(destination !== undefined && { destination }) },
          });
        sub.equal((await send('COPY', '/a.txt', `${publicUrl}${base}/b.txt`)).status, 201);
        sub.equal((await send('MOVE', '/b.txt', `http://APP.example.com${base}/sub/c%20d.txt`)).status, 201);
        sub.equal((await send('MOVE', '/sub/c%20d.txt', `${base}/e.txt`)).status, 201);
        sub.equal((await send('GET', '/e.txt')).text, 'the text');
        sub.equal((await send('GET', '/b.txt')).status, 404);
        sub.equal((await send('GET', '/a.txt')).text, 'the text');
      });
    }
  }
});

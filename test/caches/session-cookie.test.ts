import { test } from 'tap';
import { createClient } from '../support/client.ts';
import { valuesOf } from '../support/upstream.ts';
import { type Age, arrangeCacheScene } from './scene.ts';

test('the cookie of an answer that caches may keep waits, and one that cannot wait makes it uncacheable', async (t) => {
  const scene = await arrangeCacheScene(t);
  const ask = async (age: Age, says: string) => {
    const client = createClient();
    t.teardown(() => client.close());
    const url = `${scene.gateway.url}${scene.path('assets', 'nothing')}?says=${says}`;
    const { setCookies, rawHeaders } = await client.get(url, { cookie: scene.cookieOf(age) });
    const lines = ['cache-control', 'expires', 'cdn-cache-control', 'surrogate-control', 'x-accel-expires'];
    return [setCookies.length, ...lines.map((name) => valuesOf(rawHeaders, name).join(' | '))];
  };
  const everybodys = [0, 'public, max-age=600', '', '', '', ''];
  const somebodys = [1, 'private, max-age=600', '0', 'no-store', 'no-store', '0'];
  t.strictSame(await ask('fresh', 'public'), everybodys);
  t.strictSame(await ask('last use to be noted', 'public'), everybodys);
  t.strictSame(await ask('last use long ago', 'public'), somebodys, 'nobody loses a session for it');
  t.strictSame(await ask('refresh due', 'public'), somebodys);
  t.equal((await ask('last use to be noted', 'nothing'))[0], 0, 'a cache may keep what says nothing');
  t.equal((await ask('last use to be noted', 'private'))[0], 1);
  t.equal((await ask('last use to be noted', 'CDN-Cache-Control'))[0], 0);
});

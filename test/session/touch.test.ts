import { test } from 'tap';
import { arrangeSignedIn, arrangeUpstream } from '../support/arrange.ts';
import { until } from '../support/until.ts';

test('requests that come with one cookie get one new cookie, which is good', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeSignedIn(t, {
    upstream,
    config: { session: { idleTimeout: '20s' } },
  });
  const headers = { cookie: client.cookies.headerFor(gateway.url) ?? '' };
  client.cookies.clear();
  const [first] = await until('a new cookie', async () => {
    client.cookies.clear();
    const { setCookies } = await client.get(`${gateway.url}/`, headers);
    return setCookies.length > 0 && setCookies;
  });
  client.cookies.clear();
  const again = await client.get(`${gateway.url}/`, headers);
  t.equal(again.setCookies[0], first, 'the same one');
  client.cookies.clear();
  const fresh = await client.get(`${gateway.url}/`, { cookie: first?.split(';', 1)[0] });
  t.equal(fresh.status, 200);
  t.strictSame(fresh.setCookies, [], 'and for some time it needs no other');
});

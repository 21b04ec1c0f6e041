import { test } from 'tap';
import { request } from 'undici';
import { until } from '../support/until.ts';
import { arrangePeople } from './people.ts';

/** An application that takes its time for one page. */
function slowly() {
  const begun: (() => void)[] = [];
  return {
    begun,
    upstream: (incoming: { url?: string | undefined }, response: import('node:http').ServerResponse) => {
      if (incoming.url === '/slow') begun.push(() => response.end('at last'));
      else response.end('here');
    },
  };
}

test('a client that leaves before the answer has not seen the new cookie: the old one leads on, be it much later', async (t) => {
  for (const store of ['cookie', 'memory']) {
    const { begun, upstream } = slowly();
    const people = await arrangePeople(t, { names: ['ada'], upstream, config: { session: { store } } });
    const { gateway, clock, sent } = people;
    const ada = people.client('ada');
    const cookie = ada.cookies.headerFor(gateway.url) ?? '';
    people.expire();
    const leaving = new AbortController();
    const left = request(`${gateway.url}/slow`, { headers: { cookie }, signal: leaving.signal });
    await until('the application has the request', () => begun.length > 0);
    leaving.abort();
    await t.rejects(left);
    clock.wind(33_000);
    const later = await ada.get(`${gateway.url}/y`, { cookie });
    t.equal(later.status, 200, store);
    t.equal(sent.length, 1, 'with the tokens that there were');
    if (store === 'memory') continue;
    t.ok(
      later.setCookies.some((line) => /^sallyport=[^;]/.test(line)),
      'and the new cookie',
    );
    clock.wind(200_000);
    t.equal((await ada.get(`${gateway.url}/y`)).status, 200, 'which is good');
  }
});

test('once an answer has brought the new cookie, the old one is good for half a minute, and takes nothing away', async (t) => {
  const people = await arrangePeople(t, { names: ['ada'] });
  const { gateway, clock } = people;
  const ada = people.client('ada');
  const cookie = ada.cookies.headerFor(gateway.url) ?? '';
  people.expire();
  const logged = () => gateway.log.lines.filter(({ msg }) => msg === 'request').length;
  /** The end of an answer is heard of after it; its line in the log tells. */
  const served = async (cookies?: { cookie: string }) => {
    const before = logged();
    const { status } = await ada.get(gateway.url, cookies);
    await until('the end of the answer', () => logged() > before);
    return status;
  };
  t.equal(await served(), 200);
  clock.wind(20_000);
  t.equal(await served({ cookie }), 200);
  clock.wind(31_000);
  const late = await ada.get(gateway.url, { cookie });
  t.equal(late.status, 401);
  t.strictSame(late.setCookies, [], 'the browser has a newer one');
  t.equal((await ada.get(gateway.url)).status, 200);
});

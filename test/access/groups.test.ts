import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { type Person, startProvider } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

const people: Record<string, Person> = {
  words: { groups: 'Sales Admins' },
  commas: { groups: 'Sales,Admins' },
  list: { groups: ['Sales', 'x,Admins', 'Admins '] },
  member: { groups: ['Sales', 'Admins'] },
  one: { groups: 'Admins' },
  blank: { groups: '' },
  odd: { groups: [' Admins', '\u00a0Admins', 'Admins%', '', 7, null] },
};

async function arrange(t: Test, claims: Record<string, unknown> = {}) {
  const provider = await startProvider({ people });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/admins', upstream: upstream.url, allow: [{ groups: ['Admins'] }] },
  ];
  const gateway = await startTestGateway({ provider, config: { routes, provider: { claims } } });
  t.teardown(() => gateway.close());
  /** What the application reads in the header, and whether the rule lets pass. */
  const see = async (person: string) => {
    const client = createClient();
    t.teardown(() => client.close());
    await logIn(client, gateway.url, person);
    const { rawHeaders } = (await client.get(gateway.url)).json() as Echo;
    const groups = valuesOf(rawHeaders, 'x-forwarded-groups').join('; ');
    return { groups, status: (await client.get(`${gateway.url}/admins`)).status };
  };
  return { gateway, see };
}

test('the header and the rules agree on who is in what', async (t) => {
  const { see, gateway } = await arrange(t);
  const expected: Record<string, { groups: string; status: number }> = {
    words: { groups: 'Sales Admins', status: 403 },
    commas: { groups: 'Sales%2CAdmins', status: 403 },
    list: { groups: 'Sales,x%2CAdmins,Admins%20', status: 403 },
    member: { groups: 'Sales,Admins', status: 200 },
    one: { groups: 'Admins', status: 200 },
    blank: { groups: '', status: 403 },
    odd: { groups: '%20Admins,%C2%A0Admins,Admins%25', status: 403 },
  };
  for (const [person, seen] of Object.entries(expected)) {
    t.same(await see(person), seen, person);
    const read = seen.groups.split(',').map(decodeURIComponent);
    t.equal(
      read.includes('Admins'),
      seen.status === 200,
      `${person}: the application reads what the rule reads`,
    );
  }
  const warnings = gateway.log.lines.filter(({ msg }) => msg.includes('claims.groupsSeparator'));
  t.equal(warnings.length, 1, 'one login had a text with blanks');
  t.match(warnings[0], { level: 'warn', provider: 'default', claim: 'groups' });
  t.notMatch(JSON.stringify(warnings), 'Sales', 'and it does not tell whose groups');
});

test('claims.groupsSeparator says what stands between groups, exactly', async (t) => {
  const blank = await arrange(t, { groupsSeparator: ' ' });
  t.same(await blank.see('words'), { groups: 'Sales,Admins', status: 200 });
  t.same(await blank.see('commas'), { groups: 'Sales%2CAdmins', status: 403 });
  t.same(await blank.see('list'), { groups: 'Sales,x%2CAdmins,Admins%20', status: 403 }, 'a list is a list');
  t.notMatch(blank.gateway.log.text(), 'groupsSeparator');
  const comma = await arrange(t, { groupsSeparator: ',' });
  t.same(await comma.see('commas'), { groups: 'Sales,Admins', status: 200 });
  t.same(await comma.see('words'), { groups: 'Sales Admins', status: 403 });
});

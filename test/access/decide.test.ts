import { test } from 'tap';
import { type AccessRule, decide } from '../../src/access/decide.ts';
import { isNavigation, wantsPage } from '../../src/access/navigation.ts';

const outcome = (
  allow: AccessRule['allow'],
  unauthenticated: AccessRule['unauthenticated'],
  signedIn: boolean,
  navigation: boolean,
) => decide({ allow, unauthenticated }, { signedIn, navigation }).kind;

test('every combination of rule and request has the decision that the contract names', async (t) => {
  const table: [AccessRule['allow'], AccessRule['unauthenticated'], boolean, boolean, string][] = [
    ['public', 'auto', false, false, 'allow'],
    ['public', '401', false, true, 'allow'],
    ['signed-in', 'auto', true, false, 'allow'],
    ['signed-in', '401', true, true, 'allow'],
    ['signed-in', 'auto', false, true, 'login'],
    ['signed-in', 'auto', false, false, 'deny'],
    ['signed-in', 'login', false, false, 'login'],
    ['signed-in', 'login', false, true, 'login'],
    ['signed-in', '401', false, true, 'deny'],
    ['signed-in', '401', false, false, 'deny'],
    ['signed-in', 'pass', false, true, 'allow'],
    ['signed-in', 'pass', false, false, 'allow'],
  ];
  for (const [allow, unauthenticated, signedIn, navigation, expected] of table) {
    t.equal(
      outcome(allow, unauthenticated, signedIn, navigation),
      expected,
      `${allow} ${unauthenticated} ${signedIn} ${navigation}`,
    );
  }
});

test('a browser that goes to a page is told from everything else', async (t) => {
  const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  t.ok(isNavigation('GET', html));
  t.ok(isNavigation('HEAD', html));
  t.ok(isNavigation('GET', { ...html, 'sec-fetch-mode': 'navigate' }));
  t.notOk(isNavigation('GET', { accept: '*/*' }), 'curl');
  t.notOk(isNavigation('GET', {}));
  t.notOk(isNavigation('GET', { accept: 'application/json' }));
  t.notOk(isNavigation('GET', { ...html, 'sec-fetch-mode': 'cors' }), 'fetch() of a page');
  t.notOk(isNavigation('GET', { ...html, 'x-requested-with': 'XMLHttpRequest' }));
  t.notOk(isNavigation('GET', { ...html, 'sec-purpose': 'prefetch;prerender' }));
  t.notOk(isNavigation('POST', html), 'a form would lose its content in a login');
  t.ok(wantsPage(html), 'yet its sender is shown a page');
});

import type { Test } from 'tap';
import { type ExactRequest, sendExactly } from './ask.ts';
import { twins } from './documented.ts';
import type { FrontScene } from './front-scene.ts';

type Attempt = Omit<ExactRequest, 'target'> & { target?: string };

const names = [
  'X-Forwarded-User',
  'X-Forwarded-Email',
  'X-Forwarded-Preferred-Username',
  'X-Forwarded-Groups',
];
const every = names.flatMap(twins).flatMap((name) => [name, 'admin']);

/** What somebody sends who wants to be somebody else, or nobody. */
const attempts: Readonly<Record<string, Attempt>> = {
  'the name itself': { headers: ['X-Forwarded-User', 'admin'] },
  'in other letters': { headers: ['x-FORWARDED-uSER', 'admin'] },
  twice: { headers: ['X-Forwarded-User', 'admin', 'X-Forwarded-User', 'admin'] },
  'with "_"': { headers: ['X_Forwarded_User', 'admin', 'X_Forwarded_Groups', 'admins'] },
  'with one "_"': { headers: ['X-Forwarded_User', 'admin', 'X_Forwarded-Groups', 'admins'] },
  'every name in every spelling': { headers: every },
  'with a dot': { headers: ['X.Forwarded.User', 'admin', 'X-Forwarded.User', 'admin'] },
  'with other characters': { headers: ['X~Forwarded~User', 'admin', 'X!Forwarded-User', 'admin'] },
  'close, and the name': { headers: ['Connection', 'close, X-Forwarded-User', 'X-Forwarded_User', 'admin'] },
  'the name as hop-by-hop': { headers: ['Connection', 'X-Forwarded-User'] },
  'every name as hop-by-hop': { headers: ['Connection', names.join(', '), ...every] },
  'keep-alive, and the groups': {
    headers: ['Connection', 'keep-alive, X-Forwarded-Groups', 'X_Forwarded_Groups', 'admins'],
  },
  'two lists': {
    headers: ['Connection', 'keep-alive', 'Connection', 'X-Forwarded-User', 'X_Forwarded_User', 'admin'],
  },
  'a list in other letters': { headers: ['CONNECTION', 'x-forwarded-USER,x-forwarded-email'] },
  'the token as hop-by-hop': { headers: ['Connection', 'Authorization'] },
  'the session as hop-by-hop': { headers: ['Connection', 'Cookie', 'X-Forwarded-User', 'admin'] },
  'the question as hop-by-hop': {
    headers: [
      'Connection',
      'X-Forwarded-Uri, X-Forwarded-Method, X-Forwarded-Host',
      'X-Forwarded-Uri',
      '/open',
    ],
  },
  'an upgrade, and the name': {
    headers: ['Connection', 'Upgrade, X-Forwarded-User', 'Upgrade', 'h2c', 'X-Forwarded_User', 'admin'],
  },
  'Keep-Alive and Proxy-Connection': {
    headers: [
      'Keep-Alive',
      'X-Forwarded-User',
      'Proxy-Connection',
      'X-Forwarded-User',
      'TE',
      'X-Forwarded-User',
    ],
  },
  'a trailer': { method: 'POST', body: 'x=1', trailers: [['X-Forwarded-User', 'admin']] },
  'a password': { headers: ['Authorization', 'Basic YWRtaW46YWRtaW4='] },
  'another address in the question': { headers: ['X-Forwarded-Uri', '/open', 'X_Forwarded_Uri', '/open'] },
  'another address as a URL': { headers: ['X-Original-URL', '/open', 'X-Rewrite-URL', '/open'] },
  'another method in the question': {
    headers: ['X-Forwarded-Method', 'OPTIONS', 'X-Original-Method', 'OPTIONS'],
  },
  'another host in the question': {
    headers: ['X-Forwarded-Host', 'evil.example', 'Forwarded', 'host=evil.example'],
  },
  'another client': {
    headers: ['X-Forwarded-For', '10.1.2.3', 'X-Real-IP', '10.1.2.3', 'Forwarded', 'for=10.1.2.3'],
  },
};

/** Headers that applications believe, whatever stands between their words. */
const believed = /^(HTTP_X_FORWARDED_(USER|EMAIL|PREFERRED_USERNAME|GROUPS)|HTTP_AUTHORIZATION)$/;

function identityOf(text: string): Record<string, string> {
  const seen = JSON.parse(text) as Record<string, string>;
  return Object.fromEntries(
    Object.entries(seen)
      .map(([name, value]) => [name.replace(/[^A-Z0-9]/g, '_'), value] as const)
      .filter(([name, value]) => believed.test(name) && value !== ''),
  );
}

/**
 * Tries all of them as somebody who is signed in, and as a stranger on a public route; the application is one of
 * WSGI. It sees the person as the gateway says, or is not asked.
 * @param cookie of grace
 */
export async function checkSpoofing(t: Test, scene: FrontScene, cookie: () => string): Promise<void> {
  const { host } = scene;
  const plain = await sendExactly(host, { target: '/wsgi', headers: ['Cookie', cookie()] });
  const person = identityOf(plain.text);
  t.match(person, {
    HTTP_X_FORWARDED_USER: 'grace',
    HTTP_X_FORWARDED_GROUPS: 'staff',
    HTTP_AUTHORIZATION: /^Bearer /,
  });
  for (const [name, attempt] of Object.entries(attempts)) {
    const headers = attempt.headers ?? [];
    const signedIn = { ...attempt, target: '/wsgi', headers: [...headers, 'Cookie', cookie()] };
    const answer = await sendExactly(host, signedIn);
    if (answer.status === 200) {
      const { HTTP_AUTHORIZATION: token, ...seen } = identityOf(answer.text);
      const { HTTP_AUTHORIZATION: known, ...expected } = person;
      t.strictSame(seen, expected, `${name}: grace stays grace`);
      t.equal(token?.slice(0, 7), known?.slice(0, 7), `${name}: with a token`);
    } else t.ok(answer.status >= 400 || answer.status === 302, `${name}: ${answer.status}`);
    const stranger = await sendExactly(host, { ...attempt, target: '/open/wsgi' });
    if (stranger.status === 200) t.strictSame(identityOf(stranger.text), {}, `${name}: a stranger stays one`);
    else t.ok(stranger.status >= 400, `${name}, as a stranger: ${stranger.status}`);
    for (const path of ['/admins/spoofed', '/office/spoofed']) {
      const refused = await sendExactly(host, { ...attempt, target: path });
      t.ok(refused.status >= 300, `${name}: nobody reaches ${path} (${refused.status})`);
    }
  }
  const spoofed = scene.application.requests.filter(({ url }) => url.includes('spoofed'));
  t.strictSame(spoofed, [], 'nothing of that reached the application');
}

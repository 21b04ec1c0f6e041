import { createHash, createHmac } from 'node:crypto';
import { type Test, test } from 'tap';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { secretOf } from '../login/steps.ts';
import { makeLogoutToken, sendLogout } from '../logout/forge.ts';
import { startLogoutProvider } from '../logout/scene.ts';
import { instancesOn } from '../session/people-redis.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startRedis } from '../support/redis.ts';

/** Long enough to stand nowhere by chance. */
const login = 'lovelace-of-ockham-park';
const person = {
  preferred_username: 'augusta-ada-king-noel',
  name: 'Augusta Ada King-Noel',
  email: 'Countess.Of.Lovelace@Example.com',
};

/** Redis after a login, requests, and sign-outs of all kinds; and what a thief would like to find in it. */
async function arrangeCopy(t: Test, store: 'redis' | 'cookie') {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const session = store === 'redis' ? { store: redis.url } : { redis: { url: redis.url } };
  const provider = await startLogoutProvider(t, { people: { [login]: person } });
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ provider, upstream, config: { session } });
  t.teardown(() => gateway.close());
  const secret = secretOf(gateway);
  const { people } = await instancesOn(t, session).join({ secret: secret.toString('base64') });
  const logInAnew = async () => {
    const client = createClient();
    t.teardown(() => client.close());
    await logIn(client, gateway.url, login);
    await client.get(`${gateway.url}/x`);
    return client;
  };
  const dumps: string[] = [];
  const copy = async () => dumps.push(...(await redis.dump()).flatMap(({ key, value }) => [key, value]));
  await logInAnew();
  await copy();
  const [listed] = await people.list(person.email.toLowerCase());
  const id = listed?.id ?? 'cookies have none';
  t.equal(listed?.user, store === 'redis' ? person.preferred_username : undefined);
  await people.end(id);
  await people.endAll(person.email);
  await copy();
  const client = await logInAnew();
  await client.navigate(`${gateway.url}/oauth2/sign_out?everywhere`);
  await sendLogout(gateway.url, {
    logout_token: await makeLogoutToken(provider, { claims: { sub: login } }),
  });
  await copy();
  return { dumps, secret, id };
}

/** What somebody tries who knows or guesses a value: each way to write it, in each plain form. */
function guessesOf(value: string): string[] {
  const folded = [...new Set([value, value.toLowerCase()])];
  const kinds = ['', 'session', 'subject', 'person', 'name', 'email', 'sid', 'ended', 'listed'];
  const plain = folded.flatMap((text) => [
    ...kinds.flatMap((kind) => [`${kind}\0${text}`, `${kind}:${text}`, `${kind} ${text}`, kind + text]),
    `subject\0default\0${text}`,
    ...['ended', 'listed'].flatMap((label) => [
      JSON.stringify([label, 'email', text]),
      JSON.stringify([label, 'name', text]),
      JSON.stringify([label, 'person', 'email', text]),
      JSON.stringify([label, 'person', 'name', text]),
      JSON.stringify([label, 'session', text]),
      JSON.stringify([label, 'subject', 'default', text]),
    ]),
    JSON.stringify(text),
  ]);
  return [...new Set(plain)];
}

const publicKeys = ['', 'sallyport', 'sallyport/v1/people', 'sallyport:', Buffer.alloc(32)];
const encodings = ['hex', 'base64', 'base64url'] as const;

for (const store of ['redis', 'cookie'] as const) {
  test(`${store}: a copy of Redis names nobody, and shows no session id`, async (t) => {
    const { dumps, id } = await arrangeCopy(t, store);
    const all = dumps.join('\n');
    t.ok(dumps.length > 6, `${dumps.length / 2} keys`);
    for (const value of [login, ...Object.values(person), id]) {
      for (const text of [value, value.toLowerCase()]) {
        t.notOk(all.toLowerCase().includes(text.toLowerCase()), text);
        for (const encoding of encodings)
          t.notOk(all.includes(Buffer.from(text).toString(encoding).slice(0, -3)), `${text} in ${encoding}`);
      }
    }
  });

  test(`${store}: who guesses names and tries them finds nobody in a copy of Redis`, async (t) => {
    const { dumps, secret } = await arrangeCopy(t, store);
    const all = dumps.join('\n');
    const foundBy = (digestOf: (guess: string, encoding: (typeof encodings)[number]) => string) =>
      [login, ...Object.values(person)]
        .flatMap(guessesOf)
        .filter((guess) => encodings.some((encoding) => all.includes(digestOf(guess, encoding))));
    for (const hash of ['sha256', 'sha512', 'sha1', 'md5']) {
      const plain = foundBy((guess, encoding) => createHash(hash).update(guess).digest(encoding));
      t.strictSame(plain, [], hash);
      for (const key of publicKeys) {
        const keyed = foundBy((guess, encoding) => createHmac(hash, key).update(guess).digest(encoding));
        t.strictSame(keyed, [], `${hash} with ${String(key)}`);
      }
    }
    // Whoever has the secret finds them: so the guesses are the right ones.
    const [{ key }] = createKeyRing([secret]).people;
    const known = foundBy((guess, encoding) => createHmac('sha256', key).update(guess).digest(encoding));
    t.ok(
      known.includes(JSON.stringify(['ended', 'person', 'email', person.email.toLowerCase()])),
      `${known}`,
    );
    t.ok(known.includes(JSON.stringify(['ended', 'subject', 'default', login])));
    t.equal(
      known.includes(JSON.stringify(['listed', 'email', person.email.toLowerCase()])),
      store === 'redis',
    );
  });
}

import { createClient } from '../../dist/test/support/client.js';
import { logIn } from '../../dist/test/support/log-in.js';

/**
 * A real login, all of it.
 * @param cookie the name of the session cookie
 * @returns the headers of requests from then on, when that was, and how to have it done again
 */
export async function signedIn(origin, cookie = 'sallyport') {
  const signIn = async () => {
    const client = createClient();
    await logIn(client, origin, 'ada', { path: '/1k', cookie });
    const session = client.cookies.all().filter(({ name }) => belongsTo(cookie, name));
    client.close();
    return { Cookie: session.map(({ name, value }) => `${name}=${value}`).join('; ') };
  };
  return { headers: await signIn(), signedInAt: performance.now(), signIn };
}

/**
 * Whether it is the session cookie, or a piece of it. The provider's own cookies stay out: it has the same host as
 * the gateway here alone. So does what only the login needs.
 */
const belongsTo = (session, name) =>
  name === session || name.startsWith(`${session}.`) || name.startsWith(`${session}_`);

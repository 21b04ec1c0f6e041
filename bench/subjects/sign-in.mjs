import { createClient } from '../../dist/test/support/client.js';
import { logIn } from '../../dist/test/support/log-in.js';

/**
 * A real login, all of it.
 * @param options.cookie the name of the session cookie, where it is not Sallyport's
 * @returns the headers that a browser would send from then on, when that was, and how to have it done again
 */
export async function signedIn(origin, options = {}) {
  const signIn = async () => {
    const client = createClient();
    await logIn(client, origin, 'ada', { path: '/1k', ...options });
    const cookie = client.cookies.headerFor(origin);
    client.close();
    return { Cookie: cookie };
  };
  return { headers: await signIn(), signedInAt: performance.now(), signIn };
}

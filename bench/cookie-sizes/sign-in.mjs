import { createClient } from '../../dist/test/support/client.js';

const mostSteps = 12;

/**
 * A login of somebody who has no cookie yet, redirect by redirect.
 * @param isSession tells by its name whether a cookie holds the session
 * @returns how many cookies hold the session in the end, and the bytes of their Set-Cookie values together
 */
export async function signIn(url, isSession) {
  const client = createClient();
  const session = new Map();
  let next = url;
  for (let step = 0; step < mostSteps; step++) {
    const answer = await client.navigate(next);
    for (const line of answer.setCookies) {
      const name = line.slice(0, line.indexOf('='));
      if (!isSession(name)) continue;
      if (/^[^=;]*=;|expires=thu, 01[ -]jan[ -]1970|max-age=0/i.test(line)) session.delete(name);
      else session.set(name, line.length);
    }
    if (session.size > 0) break;
    const { location } = answer.headers;
    if (location === undefined)
      throw new Error(`${answer.url}: ${answer.status} ${answer.text.slice(0, 2000)}`);
    next = new URL(location, answer.url).href;
  }
  client.close();
  const bytes = [...session.values()].reduce((sum, length) => sum + length, 0);
  return { bytes, cookies: session.size };
}

import type { Test } from 'tap';
import { isSignedIn, type LoginScene } from '../login/steps.ts';
import type { Client, HttpAnswer } from '../support/client.ts';
import type { LogLine } from '../support/gateway.ts';

export interface ExpectedRefusal {
  status?: number;
  /** The value of X-Sallyport-Error. */
  code: string;
  /** What the log says of the check that failed. */
  reason?: RegExp;
  /** The state whose login must be spent. */
  spends?: boolean;
}

/** A token, an authorization code or a verifier, as they may look in a page or a log. */
const tokenShape = /eyJ[\w-]{8,}\./;

/**
 * Asserts what "refused" means for a login: no session, a page in plain words with a request id and nothing
 * secret, a line in the log that says which check failed, and a login cookie that is spent.
 */
export async function assertRefused(
  t: Test,
  { gateway, client }: { gateway: LoginScene['gateway']; client: Client },
  answer: HttpAnswer,
  { status = 400, code, reason, spends = true }: ExpectedRefusal,
): Promise<LogLine> {
  t.equal(answer.status, status, 'status');
  t.equal(answer.headers['x-sallyport-error'], code, 'error code');
  t.match(answer.headers['content-type'], /^text\/html/, 'a page');
  t.equal(answer.headers['cache-control'], 'no-store', 'not stored');
  assertNoSession(t, client, answer);
  if (spends) t.match(answer.setCookies.join('\n'), /^sallyport-login-[\w-]+=; Max-Age=0/m, 'login is spent');
  t.notMatch(answer.text, tokenShape, 'no token in the page');
  const line = await gateway.log.line(
    ({ msg, requestId }) =>
      (msg === 'refused' || msg === 'failed') &&
      typeof requestId === 'string' &&
      answer.text.includes(requestId),
  );
  t.equal(line.code, code, 'the log names the error');
  t.match(line.reason, reason ?? /\w/, 'the log says which check failed');
  t.notMatch(gateway.log.text(), tokenShape, 'no token in the log');
  t.notOk(await isSignedIn(client, gateway.url), 'nobody is signed in');
  return line;
}

/**
 * Asserts what becomes of an authorization response that is not this browser's, or is so no more: a login of its
 * own, for which nothing of the response was used.
 * @param response as it was brought
 */
export async function assertBeginsAnew(
  t: Test,
  scene: { gateway: LoginScene['gateway']; provider: LoginScene['provider']; client: Client },
  answer: HttpAnswer,
  response: URL,
): Promise<void> {
  t.equal(answer.status, 302, 'a redirect');
  const location = new URL(answer.headers.location ?? '');
  t.equal(location.origin + location.pathname, `${scene.provider.issuer}/auth`, 'to the provider');
  t.equal(answer.headers['cache-control'], 'no-store', 'not stored');
  const { searchParams } = response;
  const carried = new Set(location.searchParams.values());
  for (const name of ['state', 'code', 'error', 'error_description']) {
    const value = searchParams.get(name);
    if (value) t.notOk(carried.has(value), `the ${name} is not used`);
  }
  assertNoSession(t, scene.client, answer);
  t.notOk(await isSignedIn(scene.client, scene.gateway.url), 'nobody is signed in');
}

/** Asserts that an answer set no session cookie and that the browser holds none. */
export function assertNoSession(t: Test, client: Client, answer: HttpAnswer): void {
  const isSession = (name: string) => /^(__Host-|__Secure-)?sallyport(\.\d)?$/.test(name);
  const set = answer.setCookies.filter((line) => isSession(line.split('=', 1)[0] ?? ''));
  t.same(
    set.filter((line) => !/Max-Age=0/i.test(line)),
    [],
    'no session cookie is set',
  );
  t.notOk(
    client.cookies.all().some(({ name }) => isSession(name)),
    'the browser holds no session',
  );
}

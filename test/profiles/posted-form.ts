import type { Test } from 'tap';
import type { SecureBrowser } from '../attack/secure-browser.ts';
import { origin } from '../attack/secure-scene.ts';
import { createClient } from '../support/client.ts';
import { until } from '../support/until.ts';

/** The form that the provider lets the browser post, and the login's own Set-Cookie. */
export async function reachForm(
  t: Test,
  browser: SecureBrowser,
): Promise<{ form: URLSearchParams; cookie: string }> {
  const begun = await until('a login', async () => {
    const answer = await browser.navigate('/deep?x=1');
    return answer.status !== 503 && answer;
  });
  const provider = createClient();
  t.teardown(() => provider.close());
  const page = await provider.navigate(begun.headers.location ?? '', { follow: 5 });
  const last = await provider.request(page.url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'login=ada',
    follow: 5,
  });
  t.match(last.text, `action="${origin}/oauth2/callback"`, 'the provider posts to the callback');
  const inputs = [...last.text.matchAll(/name="([^"]+)" value="([^"]*)"/g)];
  return {
    form: new URLSearchParams(inputs.map(([, name = '', value = '']): [string, string] => [name, value])),
    cookie: begun.setCookies.find((line) => line.includes('-login-')) ?? '',
  };
}

/** Posts as browsers do from another site: only cookies with SameSite=None go along. */
export function postFromElsewhere(browser: SecureBrowser, form: URLSearchParams) {
  const sent = browser.cookies.all().filter(({ sameSite }) => sameSite?.toLowerCase() === 'none');
  return browser.request('/oauth2/callback', {
    method: 'POST',
    headers: {
      accept: 'text/html',
      origin: 'https://id.example.com',
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'content-type': 'application/x-www-form-urlencoded',
      cookie: sent.map(({ name, value }) => `${name}=${value}`).join('; '),
    },
    body: form.toString(),
  });
}

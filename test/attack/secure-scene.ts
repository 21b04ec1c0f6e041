import { randomBytes } from 'node:crypto';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { startTestGateway } from '../support/gateway.ts';
import { type Person, startProvider } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { type SecureBrowser, secureBrowser } from './secure-browser.ts';

/** The origin that browsers see. */
export const origin = 'https://app.example.com';

/** Groups whose names hold so many random characters in all. */
const manyGroups = (characters: number) =>
  Array.from({ length: Math.ceil(characters / 50) }, () => randomBytes(25).toString('hex'));

/** People whose claims fit in one cookie, in a few, and in none. */
const people: Record<string, Person> = {
  ada: { email: 'ada@example.com', groups: ['staff'] },
  large: { email: 'large@example.com', groups: manyGroups(9000) },
  larger: { email: 'larger@example.com', groups: manyGroups(9000) },
  huge: { email: 'huge@example.com', groups: manyGroups(40_000) },
};

/** A gateway whose `publicUrl` is https, and browsers that see it there. */
export async function arrangeSecure(t: Teardown, config: Record<string, unknown> = {}) {
  const provider = await startProvider({ people });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ provider, upstream, config: { publicUrl: origin, ...config } });
  t.teardown(() => gateway.close());
  const browser = () => {
    const opened = secureBrowser(gateway, origin);
    t.teardown(() => opened.close());
    return opened;
  };
  return { provider, upstream, gateway, browser };
}

/** The cookies of the session, in order: the first has no number. */
export const sessionOf = ({ cookies }: SecureBrowser) =>
  cookies.all().filter(({ name }) => /^__Host-sallyport(\.\d)?$/.test(name));

/** Who the application sees with these cookies: a name, or the status of a refusal. */
export async function whoIs(browser: SecureBrowser, cookie: string): Promise<string> {
  const answer = await browser.request('/', { headers: { cookie } });
  if (answer.status !== 200) return String(answer.status);
  return valuesOf((answer.json() as Echo).rawHeaders, 'x-forwarded-user').join();
}

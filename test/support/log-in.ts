import { type Client, type HttpAnswer, navigationHeaders } from './client.ts';

/** The first form of a page, ready to be sent. */
interface PageForm {
  /** Absolute. */
  action: string;
  method: string;
  /** The values that the page itself put in. */
  fields: Record<string, string>;
}

/** Reads the first form of an HTML page. */
function readForm({ text, url }: Pick<HttpAnswer, 'text' | 'url'>): PageForm {
  const form = /<form\b[^>]*>/i.exec(text)?.[0];
  if (form === undefined) throw new Error(`no form at ${url}: ${text.slice(0, 300)}`);
  const fields: Record<string, string> = {};
  for (const [input] of text.matchAll(/<input\b[^>]*>/gi)) {
    const name = attribute(input, 'name');
    if (name !== undefined) fields[name] = attribute(input, 'value') ?? '';
  }
  const action = new URL(attribute(form, 'action') ?? '', url);
  action.hash = '';
  return { action: action.href, method: (attribute(form, 'method') ?? 'get').toUpperCase(), fields };
}

function attribute(tag: string, name: string): string | undefined {
  const match = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  return (match?.[1] ?? match?.[2] ?? match?.[3])?.replaceAll('&amp;', '&').replaceAll('&quot;', '"');
}

/** Fills in the first form of a page and sends it; follows up to ten redirects. */
export function submitForm(
  client: Client,
  page: Pick<HttpAnswer, 'text' | 'url'>,
  values: Record<string, string>,
): Promise<HttpAnswer> {
  const { action, method, fields } = readForm(page);
  const body = new URLSearchParams({ ...fields, ...values }).toString();
  return client.request(action, {
    method,
    headers: {
      ...navigationHeaders,
      'content-type': 'application/x-www-form-urlencoded',
      origin: new URL(action).origin,
      'sec-fetch-site': 'same-origin',
    },
    body,
    follow: 10,
  });
}

export interface LogInOptions {
  /** Where the person wanted to go (`/`). */
  path?: string;
  /** The session cookie's name (`sallyport`, the one on http). */
  cookie?: string;
}

/**
 * Walks the whole login: the gateway, the provider's page, the callback. Gives the answer at the end, which is
 * the application's; throws when there is no session then.
 * @param gatewayUrl the gateway's public origin
 * @param person the name to log in with
 */
export async function logIn(
  client: Client,
  gatewayUrl: string,
  person: string,
  { path = '/', cookie = 'sallyport' }: LogInOptions = {},
): Promise<HttpAnswer> {
  const page = await client.navigate(gatewayUrl + path, { follow: 10 });
  const isProviders = !page.url.startsWith(gatewayUrl);
  // Somebody who is signed in at the provider already comes straight back.
  const last = isProviders ? await submitForm(client, page, { login: person }) : page;
  const hasSession = client.cookies
    .all()
    .some(({ name }) => name === cookie || name.startsWith(`${cookie}.`));
  if (!hasSession) {
    const text = last.text.replace(/<style.*?<\/style>|<[^>]*>|\s+/gs, ' ').slice(0, 500);
    throw new Error(`no session after the login: ${last.status} at ${last.url}: ${text}`);
  }
  return last;
}

import { html, type Markup } from '../markup.ts';
import { frame } from './pages.ts';
import type { Visitor } from './visitor.ts';

/** What each header of the gateway is for, in words. */
const meanings: Readonly<Record<string, string>> = {
  authorization: 'Your access token. The application can call other services with it, as you.',
  'x-forwarded-user': 'Who you are, by the identifier that never changes.',
  'x-forwarded-name': 'Your name; percent-encoded where it is not ASCII.',
  'x-forwarded-email': 'Your e-mail address.',
  'x-forwarded-preferred-username': 'The name that you log in with.',
  'x-forwarded-groups': 'Your groups, joined by commas.',
  'x-forwarded-for': 'The address that your browser came from.',
  'x-forwarded-host': 'The host that your browser asked for.',
  'x-forwarded-proto': 'http or https, as your browser sees it.',
  'x-request-id': 'Names this request in the logs of gateway and application.',
  host: 'This application, by the address that the gateway knows.',
  connection: 'Between the gateway and the application only.',
};

/** Shows the headers of the request that asked for this page, the gateway's apart from the browser's. */
export function headersPage(visitor: Visitor, rawHeaders: readonly string[]): string {
  const pairs = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [{ name, key: name.toLowerCase(), value: rawHeaders[index + 1] ?? '' }] : [],
  );
  const order = Object.keys(meanings);
  const ours = pairs
    .filter(({ key }) => key in meanings)
    .sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key));
  const ownRows = ours.map(
    ({ name, key, value }) =>
      html`<tr><th scope="row">${name}</th><td><code>${key === 'authorization' ? shortened(value) : value}</code><br><span class="soft">${meanings[key]}</span></td></tr>`,
  );
  const otherRows = pairs
    .filter(({ key }) => !(key in meanings))
    .map(({ name, value }) => html`<tr><th scope="row">${name}</th><td><code>${value}</code></td></tr>`);
  const authorization = ours.find(({ key }) => key === 'authorization')?.value;
  return frame(
    { title: 'Headers', visitor, path: '/headers' },
    html`<h1>What reached this application</h1>
<p>These are all headers of your request, as they came.</p>
<h2>From the gateway</h2>
<p>Whatever a browser says under these names itself never arrives.</p>
<div class="card"><table>${ownRows}</table></div>
${authorization === undefined ? undefined : describeToken(authorization)}
<h2>From your browser</h2>
<p>Passed on as they were. The cookie that holds your session is not among them: it is the gateway’s alone.</p>
<div class="card"><table>${otherRows}</table></div>`,
  );
}

function shortened(authorization: string): string {
  const [scheme = '', token = ''] = authorization.split(' ');
  return `${scheme} ${token.slice(0, 12)}… (${token.length} characters)`;
}

function describeToken(authorization: string): Markup {
  const parts = authorization.split(' ')[1]?.split('.') ?? [];
  const [header, payload] = parts.map(decodedJson);
  if (parts.length !== 3 || header === undefined || payload === undefined) {
    return html`<h2>The token</h2><p>It is opaque: only the provider can say what is behind it.</p>`;
  }
  return html`<h2>The token</h2>
<p>It is a JSON Web Token: anybody can read it, and only the provider could have signed it. The signature is cut off here, so that nobody can use what is on this page.</p>
<pre aria-label="The header of the token">${header}</pre>
<pre aria-label="The payload of the token">${payload}</pre>`;
}

/** A part of a JWT (RFC 7519 §3), spread over lines; undefined when it is not JSON. */
function decodedJson(part: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(Buffer.from(part, 'base64url').toString('utf8')), null, 2);
  } catch {
    return undefined;
  }
}

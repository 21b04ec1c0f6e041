import { html, type Markup, page } from './markup.ts';

/** Who the gateway says is there. */
export interface Visitor {
  user: string | undefined;
  name: string | undefined;
  email: string | undefined;
  groups: readonly string[];
}

export interface Note {
  author: string;
  text: string;
  at: Date;
}

function frame(title: string, visitor: Visitor, main: Markup, script?: string): string {
  const who = visitor.name ?? visitor.user;
  const header = html`<strong>The Old Reading Room</strong>
<a href="/">Home</a><a href="/notes">Notes</a><a href="/people">Who am I?</a><a href="/headers">Headers</a>
<span class="soft">${who ?? 'nobody'}</span>${who === undefined ? undefined : html`<a href="/oauth2/sign_out">Sign out</a>`}`;
  return page(`${title} – The Old Reading Room`, header, main, script);
}

export function homePage(visitor: Visitor): string {
  return frame(
    'Home',
    visitor,
    html`<h1>Good day, ${visitor.name ?? visitor.user ?? 'stranger'}.</h1>
<p>This little application is as old as it looks. It has no login, no sessions and no idea what OpenID Connect is. Yet it knows who you are: the gateway in front of it says so in every request.</p>
<div class="card"><p class="soft">The clock of the reading room, live by server-sent events through the gateway:</p><p class="clock" id="clock">–</p></div>
<p><a class="button" href="/headers">See exactly which headers reached it</a></p>`,
    '/clock.js',
  );
}

export function peoplePage({ user, name, email, groups, ...rest }: Visitor): string {
  const visitor = { user, name, email, groups, ...rest };
  const row = (label: string, value: string | undefined) =>
    html`<tr><th>${label}</th><td>${value ?? html`<span class="soft">not said</span>`}</td></tr>`;
  return frame(
    'Who am I?',
    visitor,
    html`<h1>You are ${name ?? user ?? 'nobody we know'}</h1>
<table>${[row('User', user), row('Name', name), row('E-mail', email), row('Groups', groups.join(', ') || undefined)]}</table>
<h2>What your groups open</h2>
<p>${groups.includes('admins') ? 'You hold the keys of the cellar.' : 'The cellar stays locked for you: it asks for the group “admins”.'}</p>`,
  );
}

export function notesPage(visitor: Visitor, notes: readonly Note[]): string {
  const items = notes.map(
    ({ author, text, at }) =>
      html`<div class="card"><p>${text}</p><p class="soft">${author}, ${at.toISOString().slice(0, 16).replace('T', ' ')}</p></div>`,
  );
  return frame(
    'Notes',
    visitor,
    html`<h1>The notice board</h1>
<form method="post" action="/notes" class="card"><label>Your note <textarea name="text" rows="3" maxlength="500" required></textarea></label><button>Pin it up</button></form>
${items}`,
  );
}

/** What each header of the gateway is for, in words. */
const meanings: Readonly<Record<string, string>> = {
  authorization: 'your access token: the application can call APIs with it',
  'x-forwarded-user': 'who you are, by the identifier that never changes',
  'x-forwarded-email': 'your e-mail address',
  'x-forwarded-preferred-username': 'the name that you log in with',
  'x-forwarded-name': 'your name; percent-encoded where it is not ASCII',
  'x-forwarded-groups': 'your groups, joined by commas',
  'x-forwarded-for': 'the address that your browser came from',
  'x-forwarded-host': 'the host that your browser asked for',
  'x-forwarded-proto': 'http or https, as your browser sees it',
  'x-request-id': 'names this request in the logs of both',
};

export function headersPage(visitor: Visitor, rawHeaders: readonly string[]): string {
  const pairs = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? '']] : [],
  );
  const token = pairs.find(([name]) => name?.toLowerCase() === 'authorization')?.[1];
  const rows = pairs.map(([name = '', value = '']) => {
    const meaning = meanings[name.toLowerCase()];
    const shown = name.toLowerCase() === 'authorization' ? shortened(value) : value;
    return html`<tr><th>${meaning === undefined ? name : html`<mark>${name}</mark>`}</th><td class="value">${shown}</td><td class="soft">${meaning}</td></tr>`;
  });
  return frame(
    'Headers',
    visitor,
    html`<h1>What reached this application</h1>
<p>Every header of your request, as it came. The <mark>marked</mark> ones are the gateway’s. Had your browser sent any of them itself, they would have been removed; and the cookie that holds your session is not here at all.</p>
<div class="wide"><table>${rows}</table></div>
${token === undefined ? undefined : html`<h2>The token</h2><p>${describeToken(token)}</p>`}`,
  );
}

function shortened(authorization: string): string {
  const [scheme = '', token = ''] = authorization.split(' ');
  return `${scheme} ${token.slice(0, 12)}… (${token.length} characters)`;
}

function describeToken(authorization: string): Markup {
  const parts = authorization.split(' ')[1]?.split('.') ?? [];
  if (parts.length !== 3) return html`It is opaque: only the provider can say what is behind it.`;
  const decoded = parts.slice(0, 2).map((part) => Buffer.from(part, 'base64url').toString('utf8'));
  return html`<pre>${decoded.join('\n')}\n(signature cut)</pre>`;
}

/** Runs in the browser. */
export const clockScript = `const clock = document.getElementById('clock');
const events = new EventSource('/clock');
events.onmessage = ({ data }) => {
  const { time, for: name } = JSON.parse(data);
  clock.textContent = time + ' UTC' + (name ? ' for ' + name : '');
};
events.onerror = () => { clock.textContent = 'the clock has stopped'; };
`;

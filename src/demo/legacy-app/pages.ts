import { html, type Markup, page } from '../markup.ts';
import type { Note } from './notes.ts';
import { nameOf, type Visitor } from './visitor.ts';

/** What a page stands in: its title, who looks at it, and where it is in the menu. */
export interface Frame {
  title: string;
  visitor: Visitor;
  /** The path of this page, to mark it in the menu. */
  path?: string;
  script?: string;
}

const menu = [
  ['/', 'Home'],
  ['/notes', 'Notes'],
  ['/people', 'Who am I?'],
  ['/headers', 'Headers'],
] as const;

/** A page of the reading room, with its menu. */
export function frame({ title, visitor, path, script }: Frame, main: Markup): string {
  const who = nameOf(visitor);
  const links = menu.map(([href, label]) =>
    href === path
      ? html`<a href="${href}" aria-current="page">${label}</a>`
      : html`<a href="${href}">${label}</a>`,
  );
  const exit = html`<a href="/oauth2/sign_out?rd=/">Sign out</a>`;
  const header = html`<strong>The Old Reading Room</strong>
<nav aria-label="Pages">${links}</nav>
<span class="soft">${who ?? 'nobody'}</span>${who === undefined ? undefined : exit}`;
  return page({ title: `${title} – The Old Reading Room`, header, main, script });
}

export function homePage(visitor: Visitor): string {
  return frame(
    { title: 'Home', visitor, path: '/', script: '/clock.js' },
    html`<h1>Good day, ${nameOf(visitor) ?? 'stranger'}.</h1>
<p>This little application is as old as it looks. It has no login, no sessions and no idea what OpenID Connect is. Yet it knows who you are: the gateway in front of it says so in every request.</p>
<div class="card"><p class="soft">The clock of the reading room, live by server-sent events through the gateway:</p><p class="clock" id="time">–</p><p class="soft" id="reader">Needs JavaScript; nothing else here does.</p></div>
<h2>Have a look around</h2>
<ul>
<li><a href="/notes">Pin a note to the board.</a> It is signed with your name, though nobody asked you for it.</li>
<li><a href="/people">See who you are</a> to an application that only reads headers.</li>
<li><a href="/headers">See exactly which headers reached it,</a> and what is in your token.</li>
</ul>`,
  );
}

export function peoplePage(visitor: Visitor): string {
  const { user, name, username, email, groups } = visitor;
  const row = (label: string, value: string | undefined) =>
    html`<tr><th scope="row">${label}</th><td>${value ?? html`<span class="soft">not said</span>`}</td></tr>`;
  const rows = [
    row('User', user),
    row('Name', name),
    row('Login', username),
    row('E-mail', email),
    row('Groups', groups.join(', ') || undefined),
  ];
  return frame(
    { title: 'Who am I?', visitor, path: '/people' },
    html`<h1>You are ${nameOf(visitor) ?? 'nobody we know'}</h1>
<div class="card"><table>${rows}</table></div>
<h2>What your groups open</h2>
<p>${groups.includes('admins') ? 'You hold the keys of the cellar.' : 'The cellar stays locked for you: it asks for the group “admins”.'} <a href="/cellar">${groups.includes('admins') ? 'Go down' : 'Try the door'}</a></p>`,
  );
}

export function cellarPage(visitor: Visitor): string {
  return frame(
    { title: 'The cellar', visitor },
    html`<h1>The cellar</h1>
<p>Old newspapers, and a kettle. This application has no rule about who may come here: the gateway has one, and lets nobody pass who is not of the group “admins”.</p>
<p><a href="/people">Back upstairs</a></p>`,
  );
}

export function notesPage(visitor: Visitor, notes: readonly Note[]): string {
  const items = notes.map(
    ({ author, text, at }) =>
      html`<article class="card"><p class="note">${text}</p><p class="soft">${author}, ${at.toISOString().slice(0, 16).replace('T', ' ')} UTC</p></article>`,
  );
  return frame(
    { title: 'Notes', visitor, path: '/notes' },
    html`<h1>The notice board</h1>
<form method="post" action="/notes" class="card"><label>Your note <textarea name="text" rows="3" maxlength="500" required></textarea></label><button>Pin it up</button></form>
${items}`,
  );
}

/** Also for what went wrong: the application's own pages look like its others. */
export function plainPage(visitor: Visitor, title: string, text: string): string {
  return frame(
    { title, visitor },
    html`<h1>${title}</h1><p>${text}</p><p><a href="/">To the entrance</a></p>`,
  );
}

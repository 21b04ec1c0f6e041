import { createHash } from 'node:crypto';
import { english } from './texts/languages.ts';
import { say, type Text, type Texts, text } from './texts/text.ts';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand in an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

const style = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --paper: #f4f6f8; --card: #fff; --line: #dde3e9; --accent: #1f5fbf; --on-accent: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #9aa7b4; --paper: #12171d; --card: #1b222a; --line: #2c3641; --accent: #7fb0ff; --on-accent: #0d1a2b } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
main { width: 100%; max-width: 31rem; background: var(--card); border: 1px solid var(--line); border-radius: .9rem; padding: 2.25rem 2.25rem 1.75rem; box-shadow: 0 1px 2px rgb(0 0 0 / .05), 0 12px 32px rgb(0 0 0 / .06) }
h1 { font-size: 1.4rem; line-height: 1.3; margin: 0 0 .75rem; letter-spacing: -.01em }
p { margin: 0 0 .9rem; overflow-wrap: anywhere }
.detail { color: var(--soft) }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0 .5rem }
.actions form { margin: 0 }
.button { display: inline-block; font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; border: 1px solid var(--accent); border-radius: .55rem; padding: .55rem 1.1rem; background: var(--accent); color: var(--on-accent) }
.button.second { background: transparent; color: var(--accent) }
.button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.ask { margin: 1.25rem 0 }
.ask label { display: block; margin-bottom: .3rem; font-weight: 600 }
.ask input { width: 100%; margin-bottom: .75rem; padding: .55rem .7rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .55rem }
.ask input:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px }
.or { display: flex; align-items: center; gap: .75rem; color: var(--soft) }
.or::before, .or::after { content: ""; flex: 1; border-top: 1px solid var(--line) }
.choices { list-style: none; margin: 1.25rem 0 .5rem; padding: 0; display: grid; gap: .6rem }
.choice { display: flex; align-items: center; gap: .75rem; padding: .7rem 1rem; border: 1px solid var(--line); border-radius: .55rem; color: inherit; text-decoration: none; font-weight: 600 }
.choice:hover { border-color: var(--accent) }
.choice:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.note { margin-left: auto; color: var(--soft); font-size: .82rem; font-weight: 400 }
footer { margin-top: 1.5rem; padding-top: .9rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .82rem; overflow-wrap: anywhere }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
@media (max-width: 30rem) { main { padding: 1.5rem 1.25rem 1.25rem } }
`;

const styleHash = createHash('sha256').update(style).digest('base64');

/** What a page of the gateway says about itself: no script, no frame, no cache, no sniffing. */
export function pageHeaders({ actions = [], form, choices = [] }: Page): Record<string, string> {
  // The policy also covers where a form's answer redirects to: a sign-out goes on to the provider.
  const formAction = form || actions.some(({ post }) => post) ? "'self' https: http:" : "'none'";
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}';${imageSources(choices)} form-action ${formAction}; frame-ancestors 'none'; base-uri 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  };
}

/** Pictures come from where the configuration says, and nothing else. */
function imageSources(choices: readonly Choice[]): string {
  const icons = choices.flatMap(({ icon }) => icon ?? []);
  const sources = new Set(icons.map((icon) => (icon.startsWith('data:') ? 'data:' : new URL(icon).origin)));
  return sources.size === 0 ? '' : ` img-src ${[...sources].join(' ')};`;
}

export interface Action {
  label: Text;
  href: string;
  /** A form that POSTs instead of a link. */
  post?: boolean;
}

/** One of several ways on, as a wide button. */
export interface Choice {
  /** What the configuration calls it. */
  name: string;
  href: string;
  /** An https or data URL of a picture. */
  icon: string | undefined;
  /** It was taken the last time. */
  isLast: boolean;
}

/** A form with one field. */
export interface Form {
  action: string;
  field: { name: string; type: 'email'; label: Text; autocomplete: string };
  submit: Text;
}

export interface Page {
  title: Text;
  /** The main sentence. */
  message: Text;
  /** What else helps. */
  detail?: Text | undefined;
  form?: Form;
  choices?: readonly Choice[];
  actions?: readonly Action[];
  /** Where the browser goes on to by itself, as of this page. */
  refreshTo?: string;
  /** Small print. */
  footer?: Text | undefined;
}

/** A text as HTML. */
type Words = (text: Text) => string;

function renderAction({ label, href, post }: Action, index: number, words: Words): string {
  const look = index === 0 ? 'button' : 'button second';
  const target = escapeHtml(href);
  return post
    ? `<form method="post" action="${target}"><button class="${look}">${words(label)}</button></form>`
    : `<a class="${look}" href="${target}">${words(label)}</a>`;
}

function renderChoice({ name, href, icon, isLast }: Choice, words: Words): string {
  const picture = icon === undefined ? '' : `<img src="${escapeHtml(icon)}" alt="" width="20" height="20">`;
  const note = isLast ? `<span class="note">${words(text('choose.last_used'))}</span>` : '';
  return `<li><a class="choice" href="${escapeHtml(href)}">${picture}<span>${escapeHtml(name)}</span>${note}</a></li>\n`;
}

function renderForm({ action, field, submit }: Form, words: Words): string {
  return `<form class="ask" method="post" action="${escapeHtml(action)}">
<label for="${field.name}">${words(field.label)}</label>
<input id="${field.name}" name="${field.name}" type="${field.type}" autocomplete="${field.autocomplete}" required autofocus>
<button class="button">${words(submit)}</button>
</form>
<p class="or">${words(text('choose.or'))}</p>
`;
}

/**
 * Under `no-referrer` browsers name the origin of a form as `null` (Fetch standard §3.1), which on plain http, where
 * there is no Fetch Metadata, leaves nothing to tell our own form by. Other sites still learn nothing.
 */
const formReferrer = '<meta name="referrer" content="same-origin">\n';

const postsForm = ({ form, actions = [] }: Page) => form !== undefined || actions.some(({ post }) => post);

/** A whole page in one language; all of it is escaped here, the values in the texts with them. */
export function renderPage(page: Page, texts: Texts = english): string {
  const { title, message, detail, form, choices = [], actions = [], refreshTo, footer } = page;
  const words: Words = (each) => escapeHtml(say(texts, each));
  return `<!doctype html>
<html lang="${escapeHtml(texts.language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${postsForm(page) ? formReferrer : ''}${refreshTo ? `<meta http-equiv="refresh" content="0;url=${escapeHtml(refreshTo)}">\n` : ''}<title>${words(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${words(title)}</h1>
<p>${words(message)}</p>
${detail ? `<p class="detail">${words(detail)}</p>\n` : ''}${form ? renderForm(form, words) : ''}${
  choices.length > 0
    ? `<ul class="choices">\n${choices.map((choice) => renderChoice(choice, words)).join('')}</ul>\n`
    : ''
}${
  actions.length > 0
    ? `<div class="actions">${actions.map((action, index) => renderAction(action, index, words)).join('')}</div>\n`
    : ''
}${footer ? `<footer>${words(footer)}</footer>\n` : ''}</main>
</body>
</html>
`;
}

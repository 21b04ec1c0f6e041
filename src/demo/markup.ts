import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** HTML that is safe to put into HTML. */
export interface Markup {
  readonly html: string;
}

type Piece = string | number | Markup | readonly Markup[] | undefined;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function htmlOf(piece: Piece): string {
  if (piece === undefined) return '';
  if (typeof piece === 'string' || typeof piece === 'number') {
    return String(piece).replace(/[&<>"']/g, (character) => entities[character] ?? character);
  }
  return 'html' in piece ? piece.html : piece.map(({ html: inner }) => inner).join('');
}

/** Makes markup of a template: every text that is put in is escaped, markup is not. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  const text = strings.reduce((sum, string, index) => sum + htmlOf(pieces[index - 1]) + string);
  return { html: text };
}

const style = `
:root { color-scheme: light dark; --ink: #23272e; --soft: #5f6873; --paper: #f6f4ef; --card: #fffdf9; --line: #e2dccf; --field: #8d8778; --accent: #7a3b12; --on-accent: #fff; --mark: #f3ead9; --error: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #ece7dd; --soft: #aaa294; --paper: #191714; --card: #22201c; --line: #3a362f; --field: #7d7668; --accent: #e0a873; --on-accent: #241a10; --mark: #2c2822; --error: #f2867d } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 Georgia, "Iowan Old Style", "DejaVu Serif", serif; overflow-wrap: anywhere }
header { border-bottom: 3px double var(--line); background: var(--card) }
header div, main { max-width: 56rem; margin: 0 auto; padding: 1rem 1.25rem }
header div, nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline }
header strong { font-size: 1.15rem; margin-right: auto }
main { padding-block: 1.75rem 4rem }
a { color: var(--accent) }
nav a { text-decoration: none }
nav a:hover, nav [aria-current] { text-decoration: underline; text-underline-offset: .25em }
nav [aria-current] { color: var(--ink) }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .75rem; text-wrap: balance }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
p { margin: 0 0 1rem; max-width: 42rem }
ul { margin: 0; padding-left: 1.2rem; max-width: 42rem }
li { margin-bottom: .4rem }
.soft { color: var(--soft) }
.note { white-space: pre-line }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.1rem 1.25rem; margin: 0 0 1rem }
.card > :last-child { margin-bottom: 0 }
.card p { margin-bottom: .35rem }
.people { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); margin: 1.25rem 0 }
.people form { margin: 0 }
.people button { width: 100%; height: 100%; text-align: left; background: var(--card); color: var(--ink); border: 1px solid var(--line) }
.people button:hover { border-color: var(--accent) }
.people b { display: block; font-size: 1.08rem }
button { font: inherit; cursor: pointer; border-radius: .5rem; padding: .6rem 1rem; border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent) }
:is(button, input, textarea, a):focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
label { display: block; margin: 0 0 .75rem; max-width: 26rem }
input, textarea { font: inherit; width: 100%; margin-top: .15rem; padding: .5rem .6rem; border: 1px solid var(--field); border-radius: .4rem; background: var(--paper); color: var(--ink) }
textarea { display: block; resize: vertical }
table { border-collapse: collapse; width: 100%; font-size: .94rem }
th, td { text-align: left; vertical-align: top; padding: .4rem 1rem .4rem 0; border-bottom: 1px solid var(--line) }
tr:last-child > * { border-bottom: 0 }
th { white-space: nowrap; font-weight: 600; width: 1% }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86rem }
pre { background: var(--mark); border: 1px solid var(--line); margin: 0 0 .75rem; padding: .9rem 1rem; border-radius: .6rem; white-space: pre-wrap }
.clock { font-size: 2.2rem; line-height: 1.3; font-variant-numeric: tabular-nums }
.error { border-left: 4px solid var(--error); padding-left: .8rem }
@media (max-width: 36rem) { th, td { display: block; border: 0; padding: 0; width: auto; white-space: normal } tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line) } tr:last-child { border: 0 } header strong, nav { width: 100% } }
`;

const styleHash = createHash('sha256').update(style).digest('base64');

/** An open book, which no application of the old kind should be without. */
const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M8 4C6 2 3 2 1 3v10c2-1 5-1 7 1 2-2 5-2 7-1V3c-2-1-5-1-7 1zm0 0v10' fill='%23fffdf9' stroke='%237a3b12'/%3E%3C/svg%3E";

export interface Page {
  title: string;
  header: Markup;
  main: Markup;
  /** The address of a script of the same origin. */
  script?: string | undefined;
}

/** A whole page in the style of the demo. */
export function page({ title, header, main, script }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><link rel="icon" href="${icon}"><style>${{ html: style }}</style>${script === undefined ? undefined : html`<script src="${script}" defer></script>`}</head>
<body><header><div>${header}</div></header><main>${main}</main></body>
</html>
`.html;
}

/**
 * The headers of a page: nothing is loaded, framed or run but what the page itself names.
 * @param more directives of the content security policy. Chromium applies form-action to where a form's answer
 *   redirects to as well, so that pages whose forms lead to another origin cannot have it.
 */
export function htmlHeaders(more?: string): Record<string, string> {
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; frame-ancestors 'none'; base-uri 'none'`;
  return {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': more === undefined ? policy : `${policy}; ${more}`,
  };
}

/** Sends a page, with more directives of its content security policy if there are any. */
export function sendHtml(response: ServerResponse, status: number, text: string, policy?: string): void {
  response.writeHead(status, htmlHeaders(policy)).end(text);
}

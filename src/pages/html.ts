import { createHash } from 'node:crypto';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand in an element or a quoted attribute. */
function escapeHtml(text: string): string {
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
footer { margin-top: 1.5rem; padding-top: .9rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .82rem; overflow-wrap: anywhere }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
@media (max-width: 30rem) { main { padding: 1.5rem 1.25rem 1.25rem } }
`;

const styleHash = createHash('sha256').update(style).digest('base64');

/** What a page of the gateway says about itself: no script, no frame, no cache, no sniffing. */
export function pageHeaders({ actions = [] }: Page): Record<string, string> {
  // The policy also covers where a form's answer redirects to: a sign-out goes on to the provider.
  const formAction = actions.some(({ post }) => post) ? "'self' https: http:" : "'none'";
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action ${formAction}; frame-ancestors 'none'; base-uri 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  };
}

export interface Action {
  label: string;
  href: string;
  /** A form that POSTs instead of a link. */
  post?: boolean;
}

export interface Page {
  title: string;
  /** The main sentence; plain text. */
  message: string;
  /** What else helps; plain text. */
  detail?: string | undefined;
  actions?: readonly Action[];
  /** Where the browser goes on to by itself, as of this page. */
  refreshTo?: string;
  /** Small print; plain text. */
  footer?: string | undefined;
}

function renderAction({ label, href, post }: Action, index: number): string {
  const look = index === 0 ? 'button' : 'button second';
  const target = escapeHtml(href);
  return post
    ? `<form method="post" action="${target}"><button class="${look}">${escapeHtml(label)}</button></form>`
    : `<a class="${look}" href="${target}">${escapeHtml(label)}</a>`;
}

/** A whole page; all texts are escaped here. */
export function renderPage({ title, message, detail, actions = [], refreshTo, footer }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${refreshTo ? `<meta http-equiv="refresh" content="0;url=${escapeHtml(refreshTo)}">\n` : ''}<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(message)}</p>
${detail ? `<p class="detail">${escapeHtml(detail)}</p>\n` : ''}${
  actions.length > 0 ? `<div class="actions">${actions.map(renderAction).join('')}</div>\n` : ''
}${footer ? `<footer>${escapeHtml(footer)}</footer>\n` : ''}</main>
</body>
</html>
`;
}

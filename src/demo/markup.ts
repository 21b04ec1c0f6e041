/** HTML that is safe to put into HTML. */
export interface Markup {
  readonly html: string;
}

type Piece = string | number | Markup | readonly Markup[] | undefined;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function htmlOf(piece: Piece): string {
  if (piece === undefined) return '';
  if (typeof piece === 'string' || typeof piece === 'number') {
    return String(piece).replace(/[&<>"]/g, (character) => entities[character] ?? character);
  }
  return 'html' in piece ? piece.html : piece.map(({ html: inner }) => inner).join('');
}

/** Makes markup of a template: every text that is put in is escaped, markup is not. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  const text = strings.reduce((sum, string, index) => sum + htmlOf(pieces[index - 1]) + string);
  return { html: text };
}

const style = `
:root { color-scheme: light dark; --ink: #23272e; --soft: #66707c; --paper: #f6f4ef; --card: #fffdf9; --line: #e2dccf; --accent: #7a3b12; --on-accent: #fff; --mark: #f3e7d3 }
@media (prefers-color-scheme: dark) { :root { --ink: #ece7dd; --soft: #a49c8e; --paper: #191714; --card: #22201c; --line: #3a362f; --accent: #e0a873; --on-accent: #241a10; --mark: #382f22 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 Georgia, "Iowan Old Style", "DejaVu Serif", serif }
header { border-bottom: 3px double var(--line); background: var(--card) }
header div, main { max-width: 56rem; margin: 0 auto; padding: 1rem 1.25rem }
header div { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline }
header strong { font-size: 1.15rem; margin-right: auto }
main { padding-block: 1.75rem 4rem }
a { color: var(--accent) }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .75rem }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
p { margin: 0 0 1rem; max-width: 42rem }
.soft { color: var(--soft) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.1rem 1.25rem; margin: 0 0 1rem }
.people { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); margin: 1.25rem 0 }
.people form { margin: 0 }
.people button { width: 100%; height: 100%; text-align: left; background: var(--card); color: var(--ink); border: 1px solid var(--line) }
.people button:hover { border-color: var(--accent) }
.people b { display: block; font-size: 1.08rem }
button, .button { font: inherit; cursor: pointer; border-radius: .5rem; padding: .6rem 1rem; border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent); text-decoration: none; display: inline-block }
button:focus-visible, input:focus-visible, textarea:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
label { display: block; margin: 0 0 .75rem; max-width: 26rem }
input, textarea { font: inherit; width: 100%; padding: .5rem .6rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--paper); color: var(--ink) }
table { border-collapse: collapse; width: 100%; font-size: .92rem }
.wide { overflow-x: auto }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
th { white-space: nowrap; font-weight: 600 }
code, pre, td.value { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86rem }
pre { background: var(--mark); padding: .9rem; border-radius: .4rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere }
mark { background: var(--mark); color: inherit; padding: .05rem .3rem; border-radius: .25rem }
.clock { font-size: 2rem; font-variant-numeric: tabular-nums }
.error { border-left: 4px solid #b3261e; padding-left: .8rem }
@media (max-width: 34rem) { th, td { display: block; border: 0; padding: 0 } td { border-bottom: 1px solid var(--line); padding-bottom: .5rem; margin-bottom: .5rem } header strong { width: 100% } }
`;

/** A whole page in the style of the demo. */
export function page(title: string, header: Markup, main: Markup, script?: string): string {
  const scriptTag = script === undefined ? '' : `<script src="${script}" defer></script>`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${htmlOf(title)}</title><style>${style}</style>${scriptTag}</head>
<body><header><div>${header.html}</div></header><main>${main.html}</main></body>
</html>
`;
}

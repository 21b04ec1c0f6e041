import { createHash } from 'node:crypto';
import { english } from '../../pages/texts/languages.ts';
import { type Text, text } from '../../pages/texts/text.ts';
import { version } from '../../version.ts';
import type { Sight } from '../guard.ts';
import type { Problem } from '../problem.ts';
import type { Status } from './facts.ts';
import { html, Markup, timeOf } from './markup.ts';
import { plots } from './plots.ts';
import { refreshSeconds, script } from './script.ts';
import { style } from './style.ts';
import {
  certificatesTable,
  partsTable,
  refusalsTable,
  routesTable,
  state,
  type Tone,
  troubleText,
} from './tables.ts';

/** A page, as an answer. */
export interface PageReply {
  status: number;
  type: string;
  text: string;
  headers: Readonly<Record<string, string>>;
}

const hashOf = (source: string) => `'sha256-${createHash('sha256').update(source).digest('base64')}'`;

/** Nothing runs but the one script, nothing is loaded but the page itself, and nobody frames it or holds its window. */
const headers = {
  'content-security-policy': `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(script)}; connect-src 'self'; img-src data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`,
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
};

export interface Seen {
  sight: Sight;
  /** Whether there is anything to show to be an operator. */
  canSeeAll: boolean;
}

/** The status page. Of `part`, nothing names a person, a path or an address. */
export function statusPage(status: Status, { sight, canSeeAll }: Seen): PageReply {
  const { certificates, at, figures } = status;
  const overall = overallOf(status);
  const body = html`<header>
<h1>${text('status.title')}</h1>
<div data-part="state">${state(...overall)}</div>
<div class="live-note"><span>${text('status.refreshes', { seconds: refreshSeconds })}</span> <button id="pause" type="button" data-on="${text('status.go_on')}" data-off="${text('status.pause')}">${text('status.pause')}</button></div>
<p class="notice" id="notice" role="status" data-paused="${text('status.paused')}" data-silent="${text('status.not_answered')}" data-ended="${text('status.not_shown')}"></p>
</header>
<main>
${facts(status, sight)}
${part('trouble', text('status.trouble'), troubles(status, sight))}
${part('traffic', text('status.traffic'), plots(figures.slots, at))}
${part('routes', text('status.routes'), routesTable(status, sight))}
<div class="sides">
${part('parts', text('status.parts'), partsTable(status, sight))}
${certificates.length > 0 && part('certificates', text('status.certificates'), certificatesTable(status, sight))}
</div>
${part('refusals', text('status.refusals'), sight === 'all' ? refusals(status) : hidden(canSeeAll))}
</main>
<footer><p class="still">${text('status.stands_still')}</p></footer>`;
  return page(200, text('status.title'), overall[0], body, html`<script>${new Markup(script)}</script>`);
}

/** Why somebody does not see it, for people in a browser. */
export function problemPage({ status, detail, headers: more }: Problem): PageReply {
  const body = html`<main class="problem card"><h1>${text('status.title')}</h1>
<p>${text('status.problem', { detail: detail.charAt(0).toUpperCase() + detail.slice(1) })}</p>
<p><a href="/">${text('status.back')}</a></p></main>`;
  const made = page(status, text('status.title'), 'warn', body);
  return { ...made, headers: { ...made.headers, ...more } };
}

function page(status: number, title: Text, tone: Tone, body: Markup, last?: Markup): PageReply {
  const whole = html`<!doctype html>
<html lang="${english.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="${icons[tone]}">
<style>${new Markup(style)}</style>
</head>
<body>
${body}
${last}
</body>
</html>
`;
  return { status, type: 'text/html; charset=utf-8', text: whole.source, headers };
}

const icon = (colour: string) =>
  `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23${colour}'/%3E%3C/svg%3E`;

/** So that a tab says it, too. */
const icons: Readonly<Record<Tone, string>> = {
  ok: icon('2a9d58'),
  warn: icon('e0a030'),
  bad: icon('d0453c'),
};

function overallOf({ health: { ready, degraded }, routes }: Status): [Tone, Text] {
  if (!ready) return ['bad', text('status.unavailable')];
  const isOut = routes.some(({ targets }) => targets.some(({ isUp }) => !isUp));
  return degraded.length > 0 || isOut ? ['warn', text('status.degraded')] : ['ok', text('status.ready')];
}

/** A part of the page, which is put in place of what was there before when it has changed. */
function part(name: string, title: Text, content: Markup): Markup {
  return html`<section data-part="${name}" aria-labelledby="${name}"><h2 id="${name}">${title}</h2>
${content}
</section>`;
}

function facts({ at, configHash, processes, open, publicUrl }: Status, sight: Sight): Markup {
  const { http = 0, websocket = 0, 'event-stream': streams = 0 } = open;
  const fact = (name: Text, value: Markup | Text | string) =>
    html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`;
  return html`<dl class="facts card" data-part="facts">
${fact(text('status.version'), version)}${fact(text('status.config'), html`<span class="mono">${configHash}</span>`)}${fact(
  text('status.processes'),
  text('status.processes_of', { ...processes }),
)}${fact(text('status.open'), text('status.open_counts', { http, websocket, streams }))}${
  sight === 'all' && fact(text('status.address'), publicUrl.join(' '))
}${fact(text('status.as_of'), timeOf(at))}</dl>`;
}

function troubles({ health: { missing, degraded }, routes }: Status, sight: Sight): Markup {
  const out = routes.flatMap((route) =>
    route.targets.flatMap((target, at) => (target.isUp ? [] : [{ route, target, at }])),
  );
  const nameOf = ({ route, target, at }: (typeof out)[number]): string | Markup =>
    sight === 'all'
      ? html`<span class="mono">${route.label}</span> → <span class="mono">${target.name}</span>`
      : html`${text('status.route_number', { number: route.number })}, ${text('status.target_number', { number: at + 1 })}`;
  const items = [
    ...missing.map((sentence) => html`<span class="state bad">${sentence}</span>`),
    ...degraded.map((each) => troubleText(each, sight, 'long')),
    ...out
      .slice(0, mostOut)
      .map((each) => html`${state('bad', text('status.target_out'))} <span>${nameOf(each)}</span>`),
  ];
  if (items.length === 0) return html`<p class="soft">${text('status.no_trouble')}</p>`;
  return html`<ul class="troubles card" role="list">${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

/** The table of the routes has all of them. */
const mostOut = 20;

function refusals(status: Status): Markup {
  if (status.figures.refusals.length === 0) return html`<p class="soft">${text('status.no_refusals')}</p>`;
  return refusalsTable(status);
}

function hidden(canSeeAll: boolean): Markup {
  const how = canSeeAll
    ? html`<a href="/?all">${text('status.show_all')}</a>. ${text('status.show_all_how')}`
    : html`${text('status.no_token')}`;
  return html`<p class="soft">${text('status.refusals_hidden')} ${how}</p>`;
}

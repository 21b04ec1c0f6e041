import type { Degraded } from '../../estate/health.ts';
import { type Text, text } from '../../pages/texts/text.ts';
import type { Expiry } from '../../plan/certificates.ts';
import type { Sight } from '../guard.ts';
import type { RouteStatus, Status, TargetStatus } from './facts.ts';
import { html, type Markup, timeOf } from './markup.ts';
import { bars, totals } from './plots.ts';

type Cell = Markup | Text | string | undefined;

export type Tone = 'ok' | 'warn' | 'bad';

const grouped = (count: number): string => count.toLocaleString('en');

/** A word on how something stands; its colour and its shape say it again. */
export const state = (tone: Tone, words: Text): Markup => html`<span class="state ${tone}">${words}</span>`;

/**
 * A table that is a list on narrow screens. The roles are named, since a table that is laid out in another way is none to
 * those who listen.
 */
function table(name: Text, heads: readonly Text[], rows: readonly (readonly Cell[])[]): Markup {
  return html`<div class="frame"><table role="table" aria-label="${name}">
<thead role="rowgroup"><tr role="row">${heads.map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">${rows.map(
    (cells) =>
      html`<tr role="row">${cells.map((cell, at) => html`<td role="cell" data-label="${heads[at]}"><div>${cell}</div></td>`)}</tr>\n`,
  )}</tbody>
</table></div>`;
}

const accesses: Readonly<Record<RouteStatus['access'], Text>> = {
  public: text('status.access.public'),
  'signed-in': text('status.access.signed_in'),
  rules: text('status.access.rules'),
};

/** More rows than somebody looks at; what is in trouble comes first then. */
const mostRoutes = 200;

/** The routes and their targets, with how they stand. */
export function routesTable({ routes, at }: Status, sight: Sight): Markup {
  const isInTrouble = ({ targets }: RouteStatus) => targets.some(({ isUp }) => !isUp);
  const shown =
    routes.length <= mostRoutes
      ? routes
      : [...routes.filter(isInTrouble), ...routes.filter((route) => !isInTrouble(route))].slice(
          0,
          mostRoutes,
        );
  const heads = ['route', 'who', 'targets', 'a_minute', 'failed_share'] as const;
  const rows = shown.map((route) => {
    const { requests, failed } = totals(route.slots);
    return [
      html`${nameOf(route, sight)} ${route.isInMaintenance && state('warn', text('status.maintenance'))}`,
      html`<span class="fixed">${accesses[route.access]}</span>`,
      html`<ul role="list">${route.targets.map((target, place) => html`<li>${targetText(target, place, sight)}</li>`)}</ul>`,
      bars(route.slots, at),
      requests === 0
        ? html`<span class="soft">${text('status.none')}</span>`
        : html`<span class="${failed > 0 ? 'failed' : 'soft'} fixed">${text('status.failed_of', { failed: grouped(failed), requests: grouped(requests) })}</span>`,
    ];
  });
  const rest = routes.length - shown.length;
  return html`${table(
    text('status.routes'),
    heads.map((head) => text(`status.${head}`)),
    rows,
  )}${rest > 0 && html`<p class="soft">${text('status.more_routes', { number: rest })}</p>`}`;
}

/** A host and a path tell where something is; the place in the configuration tells operators the same. */
function nameOf({ number, label, methods }: RouteStatus, sight: Sight): Markup {
  if (sight === 'part') return html`${text('status.route_number', { number })}`;
  return html`<span class="mono">${label}</span>${methods && html` <span class="soft">${methods.join(' ')}</span>`}`;
}

function targetText({ name, isUp, out }: TargetStatus, place: number, sight: Sight): Markup {
  const shown = sight === 'all' ? name : text('status.target_number', { number: place + 1 });
  const how = isUp ? state('ok', text('status.up')) : state('bad', text('status.out'));
  const time = out && new Date(out.since).toISOString().slice(11, 19);
  const why = sight === 'all' && out && text('status.out_since', { time: `${time}`, reason: out.reason });
  return html`<span class="${sight === 'all' && 'mono'}">${shown}</span> ${how} ${why && html`<span class="soft">${why}</span>`}`;
}

/** Providers, issuers of access tokens and the store of sessions, with what troubles them. */
export function partsTable({ providers, store }: Status, sight: Sight): Markup {
  const rows = [
    ...providers.map(({ name, troubles }) => [
      name.startsWith('bearer[') ? text('status.issuer', { name }) : text('status.provider', { name }),
      standing(troubles, sight),
    ]),
    [
      html`${text('status.store')} <span class="soft">${text(`status.store.${store.kind}`)}</span>`,
      standing(store.troubles, sight),
    ],
  ];
  return table(text('status.parts'), [text('status.part'), text('status.state')], rows);
}

function standing(troubles: readonly Degraded[], sight: Sight): Markup {
  if (troubles.length === 0) return state('ok', text('status.ok'));
  return html`<ul role="list">${troubles.map((trouble) => html`<li>${troubleText(trouble, sight, 'short')}</li>`)}</ul>`;
}

/** The parts that do not work. Details are sentences of these parts, so only those who may see all get them. */
export function troubleText(
  { reason, name, detail }: Degraded,
  sight: Sight,
  form: 'short' | 'long',
): Markup {
  const words = reason.replaceAll('_', ' ');
  const isNamed = form === 'long' && name !== undefined;
  const tone = reason === 'certificate_expiring' && !/has ended/.test(detail) ? 'warn' : 'bad';
  const what = isNamed ? text('status.trouble_of', { reason: words, name }) : words;
  return html`<span class="state ${tone}">${what}</span> ${sight === 'all' && html`<span class="soft">${detail}</span>`}`;
}

const standings: Readonly<Record<Expiry['standing'], [Tone, Text]>> = {
  good: ['ok', text('status.standing.good')],
  ending: ['warn', text('status.standing.ending')],
  ended: ['bad', text('status.standing.ended')],
  'not-yet-valid': ['bad', text('status.standing.early')],
};

/** The certificates of the configuration, and when they end. */
export function certificatesTable({ certificates }: Status, sight: Sight): Markup {
  const isAll = sight === 'all';
  const heads = ['certificate', 'state', 'ends', ...(isAll ? (['names'] as const) : [])] as const;
  const rows = certificates.map(({ key, file, subject, standing, notAfter, daysLeft }: Expiry) => [
    html`<span class="mono key">${key}</span>${isAll && file !== undefined && html` <span class="soft mono below">${file}</span>`}`,
    state(...standings[standing]),
    html`${timeOf(notAfter, 'day')} <span class="soft fixed">${daysLeft >= 0 && text('status.days_left', { days: daysLeft })}</span>`,
    ...(isAll ? [html`<span class="key">${subject}</span>`] : []),
  ]);
  return table(
    text('status.certificates'),
    heads.map((head) => text(`status.${head}`)),
    rows,
  );
}

/** The refusals of late, the latest first. For operators only: it names people, paths and addresses. */
export function refusalsTable({ at: seenAt, figures: { refusals } }: Status): Markup {
  const heads = ['time', 'reason', 'status', 'route', 'path', 'client', 'user'] as const;
  const none = html`<span class="soft">${text('status.none')}</span>`;
  const rows = refusals.map(({ at, times, reason, status, route, method, host, path, client, user }) => [
    html`${timeOf(at, { seenAt })}${times > 1 && html` <span class="soft below">${text('status.times', { times: grouped(times) })}</span>`}`,
    reason,
    status === undefined ? none : String(status),
    route === undefined ? none : html`<span class="mono">${route}</span>`,
    path === undefined
      ? none
      : html`<span class="mono">${method} ${path}</span> <span class="soft below">${host}</span>`,
    client === undefined ? none : html`<span class="mono">${client}</span>`,
    user ?? none,
  ]);
  return table(
    text('status.refusals'),
    heads.map((head) => text(`status.${head}`)),
    rows,
  );
}

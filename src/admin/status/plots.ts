import {
  durationOf,
  minuteMs,
  places,
  plottedSlots,
  routePlaces,
  slotMs,
} from '../../observe/figures/figures.ts';
import type { SlotRead } from '../../observe/figures/slots.ts';
import { type Text, text } from '../../pages/texts/text.ts';
import { html, type Markup } from './markup.ts';

/** A line of a plot: a value for each stretch of time, the oldest first; undefined where there is none. */
interface Line {
  name: string;
  values: readonly (number | undefined)[];
  filled?: boolean;
}

const width = 320;
const height = 84;
/** So that a line at an edge is seen whole. */
const margin = 2;

/** The values that came last, of whole stretches: the one that runs is not whole yet. */
interface Minutes {
  slots: readonly ReadonlyMap<number, number>[];
}

function wholeSlots(slots: readonly SlotRead[], now: number): Minutes {
  const running = Math.floor(now / slotMs);
  const known = new Map(slots.map(({ at, counts }) => [at, new Map(counts)]));
  const whole = Array.from({ length: plottedSlots - 1 }, (_none, at) => running - plottedSlots + 1 + at);
  return { slots: whole.map((at) => known.get(at) ?? new Map<number, number>()) };
}

const seconds = slotMs / 1000;
const lastMinute = minuteMs / slotMs;

/** The three plots of what came in the last half hour. */
export function plots(read: readonly SlotRead[], now: number): Markup {
  const { slots } = wholeSlots(read, now);
  const last = slots.slice(-lastMinute);
  const rates = (place: number) => slots.map((slot) => (slot.get(place) ?? 0) / seconds);
  const rate = (place: number) =>
    last.reduce((sum, slot) => sum + (slot.get(place) ?? 0), 0) / (minuteMs / 1000);
  const shown = (place: number) => rateText(rate(place));
  const requests = rates(places.requests);
  const median = percentile(last, 0.5);
  const slow = percentile(last, 0.99);
  const isQuiet = requests.every((each) => each === 0);
  return html`<div class="plots">
${card({
  title: text('status.rate'),
  figures: [{ className: 'a', value: shown(places.requests) }],
  label: text('status.rate_label', { now: shown(places.requests), most: rateText(Math.max(...requests)) }),
  lines: [{ name: 'a', values: requests, filled: true }],
  textOf: rateText,
  isQuiet,
})}
${card({
  title: text('status.duration'),
  figures: [
    { className: 'a', name: text('status.median'), value: durationText(median) },
    { className: 'b', name: text('status.slow'), value: durationText(slow) },
  ],
  label:
    median === undefined
      ? text('status.duration_none')
      : text('status.duration_label', { median: durationText(median), slow: durationText(slow) }),
  lines: [
    { name: 'b', values: slots.map((slot) => percentile([slot], 0.99)) },
    { name: 'a', values: slots.map((slot) => percentile([slot], 0.5)) },
  ],
  isLogarithmic: true,
  textOf: durationText,
  isQuiet,
})}
${card({
  title: text('status.bad'),
  figures: [
    { className: 'c', name: text('status.refused'), value: shown(places.refused) },
    { className: 'd', name: text('status.failed'), value: shown(places.failed) },
  ],
  label: text('status.bad_label', { refused: shown(places.refused), failed: shown(places.failed) }),
  lines: [
    { name: 'c', values: rates(places.refused) },
    { name: 'd', values: rates(places.failed) },
  ],
  textOf: rateText,
  isQuiet,
})}
</div>`;
}

interface Card {
  title: Text;
  figures: readonly { className: string; name?: Text; value: string }[];
  label: Text;
  lines: readonly Line[];
  /** Of values that differ by powers of ten nothing would be seen of the smaller ones. */
  isLogarithmic?: boolean;
  textOf(value: number): string;
  isQuiet: boolean;
}

/** Where a value stands between the ends of a plot, 0 to 1. */
interface Scale {
  bottom: number;
  top: number;
  of(value: number): number;
}

function linear(values: readonly number[]): Scale {
  const top = niceTop(Math.max(0, ...values));
  return { bottom: 0, top, of: (value) => value / top };
}

/** From a power of ten to another one. */
function logarithmic(values: readonly number[]): Scale {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return { bottom: 10 ** low, top: 10 ** high, of: (value) => (Math.log10(value) - low) / (high - low) };
}

function card({ title, figures, label, lines, isLogarithmic, textOf, isQuiet }: Card): Markup {
  const known = lines.flatMap(({ values }) => values.filter((value) => value !== undefined));
  const scale = isLogarithmic && known.length > 0 ? logarithmic(known) : linear(known);
  const line = (each: Line) =>
    html`${each.filled && html`<path class="area ${each.name}" d="${areaOf(each.values, scale)}"/>`}<path class="line ${each.name}" d="${pathOf(each.values, scale)}"/>`;
  return html`<div class="card">
<h3>${title}</h3>
<p class="figures">${figures.map(
    ({ className, name, value }) =>
      html`<span class="figure ${className}">${name && html`<span class="name">${name}</span> `}<b>${value}</b></span>`,
  )}</p>
<div class="plot"><svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${label}"><path class="grid" d="M0 ${margin}H${width}M0 ${height / 2}H${width}M0 ${height - margin}H${width}"/>${!isQuiet && lines.map(line)}</svg>${!isQuiet && html`<span class="top">${textOf(scale.top)}</span>`}${!isQuiet && isLogarithmic && html`<span class="bottom">${textOf(scale.bottom)}</span>`}${isQuiet && html`<span class="quiet">${text('status.no_requests')}</span>`}</div>
<p class="axis"><span>${text('status.earlier')}</span><span>${text('status.now')}</span></p>
</div>`;
}

/** A round number at or above a value. */
function niceTop(most: number): number {
  if (most === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 1.5, 2, 3, 4, 5, 6, 8].find((each) => each * power >= most * 0.999) ?? 10) * power;
}

const xOf = (at: number, of: number): string => ((at / Math.max(1, of - 1)) * width).toFixed(1);
const yOf = (value: number, { of }: Scale): string =>
  (height - margin - of(value) * (height - 2 * margin)).toFixed(1);

/** The line breaks where a value is missing; a value alone is a dot. */
function pathOf(values: Line['values'], scale: Scale): string {
  let path = '';
  for (const [at, value] of values.entries()) {
    if (value === undefined) continue;
    const isBegun = at > 0 && values[at - 1] !== undefined;
    const point = `${xOf(at, values.length)} ${yOf(value, scale)}`;
    path += isBegun ? `L${point}` : `M${point}h0`;
  }
  return path;
}

const areaOf = (values: Line['values'], scale: Scale): string =>
  `${pathOf(values, scale)}L${width} ${height - margin}L0 ${height - margin}Z`;

/** Within which so large a share of the requests of these stretches ended, in milliseconds. */
function percentile(slots: readonly ReadonlyMap<number, number>[], share: number): number | undefined {
  const counts = new Map<number, number>();
  for (const [place, count] of slots.flatMap((slot) => [...slot]))
    if (place >= places.durations) counts.set(place, (counts.get(place) ?? 0) + count);
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [place, count] of [...counts].sort(([one], [other]) => one - other)) {
    below += count;
    if (below >= share * all) return durationOf(place - places.durations);
  }
  return undefined;
}

/** The requests of a route, a bar for each minute, and of each how many failed. */
export function bars(read: readonly SlotRead[], now: number): Markup {
  const minutes = 30;
  const running = Math.floor(now / minuteMs);
  const known = new Map(read.map(({ at, counts }) => [at, new Map(counts)]));
  const all = Array.from({ length: minutes }, (_none, at) => known.get(running - minutes + 1 + at));
  const requests = all.map((slot) => slot?.get(routePlaces.requests) ?? 0);
  const most = Math.max(...requests);
  const label = text('status.a_minute_label', { now: requests.at(-1) ?? 0, most });
  const barsOf = (values: readonly number[]) =>
    values.map((value, at) => (value > 0 ? barOf(at, (value / most) * 20) : '')).join('');
  const failed = all.map((slot) => slot?.get(routePlaces.failed) ?? 0);
  return html`<svg class="bars" viewBox="0 0 120 20" role="img" aria-label="${label}"><path class="bar" d="${barsOf(requests)}"/><path class="bar bad" d="${barsOf(failed)}"/></svg>`;
}

/** Something is seen of the fewest, too. */
const barOf = (at: number, tall: number): string => `M${at * 4} 20v-${Math.max(1, tall).toFixed(1)}h3V20z`;

/** What a route has taken in the last half hour, and how much of it failed. */
export function totals(read: readonly SlotRead[]): { requests: number; failed: number } {
  const sum = (place: number) =>
    read.flatMap(({ counts }) => counts).reduce((all, [at, count]) => (at === place ? all + count : all), 0);
  return { requests: sum(routePlaces.requests), failed: sum(routePlaces.failed) };
}

function rateText(rate: number): string {
  if (rate === 0) return '0';
  if (rate < 0.1) return rate.toFixed(2);
  return rate < 10 ? round(rate) : Math.round(rate).toLocaleString('en');
}

/** With one digit behind the point where it says something. */
const round = (value: number): string => String(Math.round(value * 10) / 10);

function durationText(ms: number | undefined): string {
  if (ms === undefined) return '–';
  if (ms < 10) return `${round(ms)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${round(ms / 1000)} s`;
}

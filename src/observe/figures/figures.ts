import { type Bounded, createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { ToldOf } from '../events.ts';
import { isRefusal, requestKindOf, routeOf } from '../facts.ts';
import type { ObservedExchange } from '../observed-exchange.ts';
import { createRecentRefusals, type RefusalRow, refusalsTogether } from './refusals.ts';
import { createSlots, type SlotRead, type Slots, slotsTogether } from './slots.ts';

/** What happened in the last half hour, as the status page shows it. It goes from one process to another as it is. */
export interface FiguresRead {
  /** By `places`, in stretches of `slotMs`. */
  slots: SlotRead[];
  /** By the label of each route, in minutes: requests, and those that failed. */
  routes: [label: string, slots: SlotRead[]][];
  refusals: RefusalRow[];
  /** The targets that are left out, by their address: since when, and why. */
  out: [target: string, since: number, reason: string][];
}

/** Counts what the status page shows. All of it has a fixed size, and no configuration empties it. */
export interface Figures {
  count(exchange: ObservedExchange, status: number, durationMs: number): void;
  limited(event: ToldOf<'requests-limited'>): void;
  targetOut(event: ToldOf<'target-out'>): void;
  targetBack(event: ToldOf<'target-back'>): void;
  read(): FiguresRead;
}

export const slotMs = 10_000;
export const minuteMs = 60_000;
const halfHourMs = 30 * minuteMs;
/** How many stretches a plot has. */
export const plottedSlots = halfHourMs / slotMs;

/** What is counted in a stretch: these, and behind them how long requests took. */
export const places = { requests: 0, refused: 1, failed: 2, durations: 3 } as const;
export const routePlaces = { requests: 0, failed: 1 } as const;

/** Durations are told apart by a quarter of a power of two, from a tenth of a millisecond to some 100 seconds. */
const shortestMs = 0.1;
const bucketsPerOctave = 4;
const buckets = 20 * bucketsPerOctave;

const bucketOf = (ms: number): number =>
  ms > shortestMs ? Math.min(buckets - 1, Math.ceil(Math.log2(ms / shortestMs) * bucketsPerOctave)) : 0;

/** The duration that a bucket stands for, in milliseconds: its middle. */
export const durationOf = (bucket: number): number => shortestMs * 2 ** ((bucket - 0.5) / bucketsPerOctave);

/** More routes, and more targets that are out, are none to look at on a page. */
const mostRoutes = 1000;
const mostOut = 200;

export function openFigures(clock: Pick<Clock, 'now'>, hide: (text: string) => string): Figures {
  const slots = createSlots({ ms: slotMs, most: plottedSlots, places: places.durations + buckets });
  const routes = createBounded<string, Slots>({ entries: mostRoutes });
  const refusals = createRecentRefusals(hide);
  const out = createBounded<string, { since: number; reason: string }>({ entries: mostOut });
  return {
    count(exchange, status, durationMs) {
      const now = clock.now();
      const hasFailed = status >= 500;
      // An event stream lasts for as long as somebody looks at it.
      const isLasting = requestKindOf(exchange) === 'event-stream';
      slots.add(now, places.requests, isLasting ? -1 : places.durations + bucketOf(durationMs));
      if (hasFailed) slots.add(now, places.failed);
      else if (isRefusal(exchange)) slots.add(now, places.refused);
      const route = routeOf(exchange);
      if (route !== undefined) countAt(routes, route, now, hasFailed);
      refusals.take(exchange, status, now);
    },
    limited: (event) => refusals.limited(event, clock.now()),
    targetOut({ target, reason }) {
      if (!out.has(target)) out.set(target, { since: clock.now(), reason });
    },
    targetBack({ target }) {
      out.delete(target);
    },
    read() {
      const now = clock.now();
      return {
        slots: slots.read(now),
        routes: [...routes].map(([label, each]): [string, SlotRead[]] => [label, each.read(now)]),
        refusals: refusals.read(),
        out: [...out].map(([target, { since, reason }]): FiguresRead['out'][number] => [
          target,
          since,
          reason,
        ]),
      };
    },
  };
}

function countAt(routes: Bounded<string, Slots>, route: string, now: number, hasFailed: boolean): void {
  let found = routes.peek(route);
  if (!found) {
    found = createSlots({ ms: minuteMs, most: halfHourMs / minuteMs, places: 2 });
    routes.set(route, found);
  }
  found.add(now, routePlaces.requests, hasFailed ? routePlaces.failed : -1);
}

/** Those of several processes as those of one. */
export function figuresTogether(all: readonly FiguresRead[]): FiguresRead {
  const routes = new Map<string, SlotRead[][]>();
  for (const [label, slots] of all.flatMap((each) => each.routes))
    routes.set(label, [...(routes.get(label) ?? []), slots]);
  const out = new Map<string, FiguresRead['out'][number]>();
  for (const each of all.flatMap((figures) => figures.out)) {
    const before = out.get(each[0]);
    if (!before || before[1] > each[1]) out.set(each[0], each);
  }
  return {
    slots: slotsTogether(all.map(({ slots }) => slots)),
    routes: [...routes].map(([label, slots]): [string, SlotRead[]] => [label, slotsTogether(slots)]),
    refusals: refusalsTogether(all.map(({ refusals }) => refusals)),
    out: [...out.values()],
  };
}

export const noFigures: FiguresRead = { slots: [], routes: [], refusals: [], out: [] };

/**
 * The figures of processes that have ended, in bounded memory, though many end one after the other. Targets that an ended
 * process left out do not count as left out.
 */
export function figuresOfEnded(all: readonly FiguresRead[], now: number): FiguresRead {
  const { slots, routes, refusals } = figuresTogether(all);
  const isShown = (ms: number) => (slot: SlotRead) => slot.at > Math.floor(now / ms) - halfHourMs / ms;
  return {
    slots: slots.filter(isShown(slotMs)),
    routes: routes
      .map(([label, each]): [string, SlotRead[]] => [label, each.filter(isShown(minuteMs))])
      .filter(([, each]) => each.length > 0),
    refusals,
    out: [],
  };
}

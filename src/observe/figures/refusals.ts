import { createBounded } from '../../bounded.ts';
import { networkOf } from '../../client-network.ts';
import { escapeLine } from '../control-characters.ts';
import type { ToldOf } from '../events.ts';
import { clientOf, hostOf, isRefusal, reasonOf, routeOf, userOf } from '../facts.ts';
import { clientLeftStatus, type ObservedExchange } from '../observed-exchange.ts';
import { scrub } from '../scrub.ts';
import { cutText } from '../sinks/quoted.ts';

/** Requests that were refused for one reason. What a client or a person chose is cut, and shows nothing that acts. */
export interface RefusalRow {
  /** The last time, in milliseconds since the epoch. */
  at: number;
  /** How often the same was refused to the same one. */
  times: number;
  /** Host and path of the route; undefined where none takes the request. */
  route: string | undefined;
  /** The condition of the rule, the code of the error, or the limit. */
  reason: string;
  /** Undefined for a limit, whose refusals are told of together. */
  status: number | undefined;
  method: string | undefined;
  host: string | undefined;
  /** Without its query; of the last time. */
  path: string | undefined;
  client: string | undefined;
  user: string | undefined;
}

/** The refusals of late, as the status page shows them. */
export interface RecentRefusals {
  /** Takes a request that has ended, if it was refused. */
  take(exchange: ObservedExchange, status: number, now: number): void;
  limited(event: ToldOf<'requests-limited'>, now: number): void;
  /** The latest first. */
  read(): RefusalRow[];
}

/** So many are known, whatever comes. */
const mostRefusals = 50;

/** So many of them have the same reason at the same route: many who are refused one thing push nothing else out. */
const mostOfKind = 15;
/** And so many of one client, whatever it tries. */
const mostOfClient = 15;

/** Of each text so much is kept, and so much shown. */
const longestKept = 400;
const longestShown = 160;

/**
 * Refusals of the same thing to the same client share one row, which counts: a program that goes on asking pushes nobody out.
 * Of what failed (a status of 500 and above) the rest of the page tells.
 */
export function createRecentRefusals(hide: (text: string) => string): RecentRefusals {
  const rows = createBounded<string, RefusalRow>({ entries: mostRefusals });
  /** Of those that are alike the oldest goes, where there are so many. */
  const makeRoom = (most: number, isAlike: (row: RefusalRow) => boolean) => {
    const alike = [...rows].filter(([, row]) => isAlike(row));
    if (alike.length >= most) rows.delete((alike[0] as [string, RefusalRow])[0]);
  };
  const add = (row: RefusalRow) => {
    const key = keyOf(row);
    const before = rows.peek(key);
    if (!before) {
      makeRoom(mostOfKind, ({ route, reason }) => route === row.route && reason === row.reason);
      const who = whoOf(row);
      if (who !== undefined) makeRoom(mostOfClient, (other) => whoOf(other) === who);
    }
    rows.set(key, { ...row, times: row.times + (before?.times ?? 0) });
  };
  const shown = (text: string | undefined) =>
    text === undefined ? undefined : cutText(escapeLine(hide(text)).toWellFormed(), longestShown);
  return {
    take(exchange, status, now) {
      // Most pass, and of them nothing is read.
      if (exchange.outcome?.kind === 'forward' || !isShown(exchange, status)) return;
      add({
        at: now,
        times: 1,
        route: routeOf(exchange),
        reason: reasonOf(exchange) ?? '',
        status,
        method: kept(exchange.method || undefined),
        host: kept(hostOf(exchange)),
        path: kept(pathOf(exchange)),
        client: clientOf(exchange),
        user: kept(userOf(exchange)),
      });
    },
    limited({ limit, client, refused }, now) {
      const unknown = { status: undefined, method: undefined, host: undefined, path: undefined };
      add({ at: now, times: refused, route: undefined, reason: limit, client, user: undefined, ...unknown });
    },
    read: () =>
      [...rows.values()].reverse().map((row) => ({
        ...row,
        method: shown(row.method),
        host: shown(row.host),
        // Links in mails have their token in the path.
        path: shown(row.path === undefined ? undefined : scrub(hide(row.path))),
        user: shown(row.user),
        client: shown(row.client),
      })),
  };
}

/** Refusals with one key share a row. The key has nothing that a client can choose anew each time, as an address in its network. */
const keyOf = ({ route, reason, status, client, user }: RefusalRow): string =>
  JSON.stringify([route, reason, status, client && networkOf(client), user]);

/** People behind one address are told apart once they are known. Undefined where nobody says the address. */
const whoOf = ({ client, user }: RefusalRow): string | undefined =>
  client === undefined ? undefined : JSON.stringify([networkOf(client), user]);

/** Whether a refusal has a row of its own: those by limits are told of together, and failures elsewhere on the page. */
function isShown(exchange: ObservedExchange, status: number): boolean {
  if (exchange.isTurnedAway || status >= 500 || status === clientLeftStatus) return false;
  return isRefusal(exchange);
}

/** As it was read; of what could not be read, as it came. What stands before `?` and `#` in either. */
function pathOf({ destination, rawTarget }: ObservedExchange): string {
  return ('error' in destination ? rawTarget : destination.target.path).replace(/[?#].*$/s, '');
}

const kept = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : cutText(text, longestKept);

/** Those of several processes as those of one, the latest first. */
export function refusalsTogether(all: readonly (readonly RefusalRow[])[]): RefusalRow[] {
  const found = new Map<string, RefusalRow>();
  for (const row of all.flat()) {
    const key = keyOf(row);
    const before = found.get(key);
    const latest = before && before.at > row.at ? before : row;
    found.set(key, { ...latest, times: row.times + (before?.times ?? 0) });
  }
  const ofClients = new Map<string, number>();
  const isOneOfFew = (row: RefusalRow) => {
    const who = whoOf(row);
    if (who === undefined) return true;
    const count = (ofClients.get(who) ?? 0) + 1;
    ofClients.set(who, count);
    return count <= mostOfClient;
  };
  return [...found.values()]
    .sort((one, other) => other.at - one.at)
    .filter(isOneOfFew)
    .slice(0, mostRefusals);
}

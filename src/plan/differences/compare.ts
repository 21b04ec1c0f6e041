import type { ClaimRole } from '../../access/condition.ts';
import { type Budget, type Demand, uncovered } from '../../access/cover.ts';
import { demandsOf, type Reading, type RequestKind, type Sender } from '../../access/passing.ts';
import type { Route } from '../../routes/table.ts';
import type { Plan } from '../plan.ts';
import type { MethodKind, Region, Taker } from './regions.ts';
import { type KnownSender, sendersOf, unknownClient } from './senders.ts';

/** Some who pass, as far as one plan lets them and the other does not. */
export interface Passing {
  sender: KnownSender;
  request: RequestKind;
  demand: Demand;
  /** Of these, those who meet one of these demands pass by the other plan as well. */
  except: readonly Demand[];
}

export interface Comparison {
  gained: readonly Passing[];
  lost: readonly Passing[];
  /** False where the comparison took too long, so that what it found may be less than there is to say. */
  isSure: boolean;
}

/** How much one comparison may look at: some milliseconds. */
const mostSteps = 200_000;

const none: Comparison = { gained: [], lost: [], isSure: true };

/** One of two plans, as it looks from the other. */
interface Side {
  plan: Plan;
  senderOf(sender: KnownSender): Sender | undefined;
  /** The name of what is asked in another way in the other plan. */
  suffix: string;
  origins: ReadonlySet<string>;
}

/** Compares who passes by two routes of two plans; what was compared before is known. */
export function createComparer(before: Plan, after: Plan, steps = mostSteps) {
  const senders = sendersOf(before.config, after.config);
  const readsAddressesAlike = addressesOf(before) === addressesOf(after);
  const old: Side = {
    plan: before,
    senderOf: (sender) => sender.before,
    suffix: ' (as they were read)',
    origins: before.origins,
  };
  const now: Side = {
    plan: after,
    senderOf: (sender) => sender.after,
    suffix: ' (as they are read now)',
    origins: after.origins,
  };
  const known = new Map<string, Comparison>();

  const compare = (taker: Record<'before' | 'after', Taker>, kind: MethodKind): Comparison => {
    const [from, to] = [taker.before, taker.after].map((each) =>
      typeof each === 'string' ? undefined : each,
    );
    if (!from && !to) return none;
    const origins = originsOf([from, to], [old, now]);
    const kinds = kindsOf(kind, [from, to], origins);
    const budget: Budget = { left: steps };
    const find = (one: Side & { route: Route | undefined }, other: Side & { route: Route | undefined }) =>
      one.route
        ? senders.flatMap((sender) =>
            kinds.flatMap((request) => excess({ one, other, sender, request, budget, readsAddressesAlike })),
          )
        : [];
    const [oldSide, newSide] = [
      { ...old, route: from },
      { ...now, route: to },
    ];
    const gained = find(newSide, oldSide);
    const lost = find(oldSide, newSide);
    return { gained, lost, isSure: budget.left >= 0 };
  };

  return {
    senders,
    /** The same people pass by the same rule. */
    isAlike:
      senders.every(({ isSame, moved }) => isSame && moved.size === 0) &&
      readsAddressesAlike &&
      before.config.publicUrl.join() === after.config.publicUrl.join(),
    compare({ before: from, after: to, kind }: Pick<Region, 'before' | 'after' | 'kind'>): Comparison {
      const key = [from, to].map((each) => (typeof each === 'string' ? '' : each.index)).join(' ');
      const found = known.get(`${key} ${kind}`) ?? compare({ before: from, after: to }, kind);
      known.set(`${key} ${kind}`, found);
      return found;
    },
  };
}

const addressesOf = ({ config: { trustedProxies, listen } }: Plan): string =>
  JSON.stringify([trustedProxies, listen.some(({ address }) => 'path' in address)]);

interface Question {
  one: Side & { route: Route | undefined };
  other: Side & { route: Route | undefined };
  sender: KnownSender;
  request: RequestKind;
  budget: Budget;
  readsAddressesAlike: boolean;
}

/** What of those who pass by one route do not pass by the other. */
function excess({ one, other, sender, request, budget, readsAddressesAlike }: Question): Passing[] {
  const { route } = one;
  if (!route) return [];
  const [given, over] = [one.senderOf(sender), other.senderOf(sender)];
  const isSame =
    sender.isSame &&
    (given?.who !== 'client' || route.resource?.identifier === other.route?.resource?.identifier);
  // Where the people are not the same, some of them may be known to one plan alone; to the other they are nobody.
  const roles = (known: Sender | undefined, { plan }: Side) => {
    const isClient = (given ?? over)?.who === 'client';
    const unknown = isClient ? unknownClient(plan.config) : nobody;
    return [...(known ? [known] : []), ...(isSame ? [] : [unknown])];
  };
  const [reading, otherReading] = [one, other].map((side) => readingOf(side, sender, readsAddressesAlike));
  const demands = roles(given, one).flatMap((as) => demandsOf(route, as, request, reading as Reading));
  const all = roles(over, other).map((as) =>
    other.route ? demandsOf(other.route, as, request, otherReading as Reading) : [],
  );
  return demands.flatMap((asked) =>
    all.flatMap((others) =>
      uncovered(asked, others, budget).map((demand) => {
        const except = others.filter((each) => uncovered(each, [demand], budget).length === 0);
        return { sender, request, demand, except };
      }),
    ),
  );
}

const nobody: Sender = { who: 'nobody' };

function readingOf({ origins, suffix }: Side, { moved }: KnownSender, readsAddressesAlike: boolean): Reading {
  const isMoved = (asks: 'person' | 'request', roles: readonly ClaimRole[]) =>
    asks === 'request' ? !readsAddressesAlike : roles.some((role) => moved.has(role));
  return { origins, rename: (name, { asks, roles }) => (isMoved(asks, roles) ? name + suffix : name) };
}

type MaybeRoute = Route | undefined;

function originsOf(routes: readonly MaybeRoute[], sides: readonly Side[]): string[] {
  if (!routes.some((route) => route?.csrf === 'header')) return [];
  const named = [
    ...routes.flatMap((route) => route?.cors ?? []),
    ...sides.flatMap((side) => [...side.origins]),
  ];
  return [...new Set(named), 'other sites'];
}

/** The kinds of request that the rules of either route tell apart, the usual one first. */
function kindsOf(
  method: MethodKind,
  routes: readonly MaybeRoute[],
  origins: readonly string[],
): RequestKind[] {
  const asksPreflights = routes.some((route) => route?.preflight === 'pass');
  if (method === 'OPTIONS' && asksPreflights) return [{}, { preflight: true }];
  const asksForgeable = routes.some((route) => route?.csrf === 'header');
  if (method !== 'unsafe' || !asksForgeable) return [{}];
  return [{}, { forgeable: true }, ...origins.map((origin) => ({ origin }))];
}

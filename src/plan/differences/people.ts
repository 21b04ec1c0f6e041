import type { Demand } from '../../access/cover.ts';
import type { RequestKind } from '../../access/passing.ts';
import type { Passing } from './compare.ts';
import type { KnownSender } from './senders.ts';

export type Conditions = Record<string, string[]>;

/** Some people and programs, with the requests that they send. */
export interface People {
  /** Who they are, such as `who is signed in`. */
  who: string;
  /** What else has to be so: of each, one of its values. */
  conditions?: Conditions;
  /** Those of them who pass by the other plan as well. */
  except?: Conditions[];
  /** Only requests of this kind. */
  requests?: string;
}

/** Those who pass, in few words: whoever is meant by all senders, or by all requests, is named once. */
export function peopleOf(passing: readonly Passing[], senders: readonly KnownSender[]): People[] {
  const byDemand = new Map<string, Omit<Passing, 'sender'> & { of: Set<KnownSender> }>();
  for (const { sender, request, demand, except } of passing) {
    const key = JSON.stringify([demand, request, except]);
    const known = byDemand.get(key) ?? { demand, request, except, of: new Set() };
    known.of.add(sender);
    byDemand.set(key, known);
  }
  const found = [...byDemand.values()].flatMap(({ demand, request, except, of }): People[] => {
    const others = except.map(conditionsOf);
    const requests = requestsOf(request);
    return whoOf(of, senders).map((who) => ({
      who,
      ...(demand.length > 0 && { conditions: conditionsOf(demand) }),
      ...(others.length > 0 && { except: others }),
      ...(requests !== undefined && { requests }),
    }));
  });
  return joined(withoutSpecial(found));
}

const conditionsOf = (demand: Demand): Conditions =>
  Object.fromEntries(demand.map(({ name, anyOf }) => [name, [...anyOf]]));

function whoOf(of: ReadonlySet<KnownSender>, senders: readonly KnownSender[]): string[] {
  const [nobody, ...others] = senders;
  const isNobody = nobody !== undefined && of.has(nobody);
  if (isNobody && others.every((sender) => of.has(sender))) return ['everybody'];
  const groups: [name: string, who: 'session' | 'client'][] = [
    ['who is signed in', 'session'],
    ['clients with an access token', 'client'],
  ];
  const known = groups.flatMap(([name, who]) => {
    const all = others.filter((sender) => kindOf(sender) === who);
    const some = all.filter((sender) => of.has(sender));
    return all.length > 0 && some.length === all.length ? [name] : some.map((sender) => sender.name);
  });
  const rest = others.filter((sender) => !isSignedIn(sender) && of.has(sender)).map(({ name }) => name);
  return [...(isNobody ? [nobody.name] : []), ...known, ...rest];
}

const kindOf = ({ before, after }: KnownSender) => (after ?? before)?.who;
const isSignedIn = (sender: KnownSender): boolean => ['session', 'client'].includes(String(kindOf(sender)));

function requestsOf({ preflight, forgeable, origin }: RequestKind): string | undefined {
  if (preflight) return 'CORS preflights';
  if (forgeable) return 'without X-Requested-With';
  return origin === undefined ? undefined : `from pages of ${origin}`;
}

/** What is so of the usual request does not have to be said of others. */
function withoutSpecial(found: readonly People[]): People[] {
  const usual = new Set(
    found.flatMap((each) =>
      each.requests === undefined ? [JSON.stringify([each.who, each.conditions])] : [],
    ),
  );
  return found.filter(
    ({ who, conditions, requests }) =>
      requests === undefined || !usual.has(JSON.stringify([who, conditions])),
  );
}

/** Those who differ in the values of one condition alone are one. */
function joined(found: readonly People[]): People[] {
  const together = new Map<string, People>();
  for (const each of found) {
    const { who, conditions = {}, except, requests } = each;
    const [only, ...more] = Object.entries(conditions);
    if (!only || more.length > 0) {
      together.set(JSON.stringify(each), each);
      continue;
    }
    const [name, values] = only;
    const key = JSON.stringify([who, name, except, requests]);
    const known = together.get(key)?.conditions?.[name] ?? [];
    together.set(key, { ...each, conditions: { [name]: [...new Set([...known, ...values])] } });
  }
  return [...together.values()];
}

import type { Clause } from './condition.ts';

/** What has to hold all at once; without a clause, always. Clauses have different names. */
export type Demand = readonly Clause[];

/** How much a comparison may look at before it says that it does not know. */
export interface Budget {
  left: number;
}

/**
 * The parts of a demand that can hold where none of the others does: empty where each of its requests is one of
 * theirs. It is exact as long as different names have nothing to do with each other but for what clauses imply; else,
 * and where the budget is spent, it gives more than there is, and never less.
 */
export function uncovered(demand: Demand, others: readonly Demand[], budget: Budget): Demand[] {
  const pieces = demand.map((clause) => piecesOf(clause, others));
  const given = demand.map((clause, at) => {
    const cut = pieces[at];
    return { ...clause, anyOf: [...new Set(cut ? [...cut.values()].flat() : clause.anyOf)] };
  });
  return remainder(given, others, budget).map((part) =>
    part.map((clause, at) => {
      const cut = pieces[at];
      return cut ? { ...clause, anyOf: joined(clause.anyOf, cut) } : clause;
    }),
  );
}

type Pieces = ReadonlyMap<string, readonly string[]>;

/** The values of a clause, cut where those of others begin or end; undefined where they cannot be cut. */
function piecesOf({ name, split, anyOf }: Clause, others: readonly Demand[]): Pieces | undefined {
  if (!split) return undefined;
  const facts = others
    .flatMap((other) => other.filter((each) => each.name === name))
    .flatMap((each) => each.anyOf);
  return new Map(anyOf.map((fact) => [fact, split(fact, facts)]));
}

/** Pieces as they were written, as far as all of a value are there. */
function joined(facts: readonly string[], pieces: Pieces): string[] {
  const found = new Set(facts);
  const whole = [...pieces].filter(([, parts]) => parts.every((part) => found.has(part)));
  const used = new Set(whole.flatMap(([, parts]) => parts));
  return [...whole.map(([fact]) => fact), ...facts.filter((fact) => !used.has(fact))];
}

function remainder(demand: Demand, others: readonly Demand[], budget: Budget): Demand[] {
  budget.left -= 1 + others.length;
  const possible = others.filter((other) => other.every((wanted) => mayMeet(demand, wanted)));
  if (possible.length === 0 || budget.left < 0) return [demand];
  if (possible.some((other) => other.every((wanted) => meets(demand, wanted)))) return [];
  const parts = divided(demand, possible, budget);
  return parts ? parts.flatMap((part) => remainder(part, possible, budget)) : [demand];
}

/** Whether one of a clause's values makes a wanted one true. */
function factMeets(clause: Clause, fact: string, wanted: Clause): boolean {
  if (clause.name === wanted.name) {
    const { entails } = clause;
    return wanted.anyOf.includes(fact) || (!!entails && wanted.anyOf.some((other) => entails(fact, other)));
  }
  const implied = clause.implies?.(fact);
  return implied?.name === wanted.name && wanted.anyOf.includes(implied.fact);
}

const mayMeet = (demand: Demand, wanted: Clause): boolean =>
  demand.some((clause) => clause.anyOf.some((fact) => factMeets(clause, fact, wanted)));

const meets = (demand: Demand, wanted: Clause): boolean =>
  demand.some((clause) => clause.anyOf.every((fact) => factMeets(clause, fact, wanted)));

/** The demand, cut where the values of a clause differ in what they meet; undefined where none does. */
function divided(demand: Demand, possible: readonly Demand[], budget: Budget): Demand[] | undefined {
  for (const [at, clause] of demand.entries()) {
    const wanted = possible.flat().filter((each) => mayMeet([clause], each));
    budget.left -= clause.anyOf.length * wanted.length;
    if (budget.left < 0) return undefined;
    const classes = new Map<string, string[]>();
    for (const fact of clause.anyOf) {
      const key = wanted.map((each) => (factMeets(clause, fact, each) ? '1' : '0')).join('');
      const known = classes.get(key);
      if (known) known.push(fact);
      else classes.set(key, [fact]);
    }
    if (classes.size > 1) {
      return [...classes.values()].map((anyOf) => demand.with(at, { ...clause, anyOf }));
    }
  }
  return undefined;
}

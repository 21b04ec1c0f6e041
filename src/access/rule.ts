import type { ClaimRole, Condition } from './condition.ts';
import { type Alternative, conditions } from './conditions/index.ts';
import type { Subject } from './subject.ts';

export const levels = ['public', 'signed-in'] as const;

/** Who may pass: a level, or alternatives of which one must hold with all of its conditions. */
export type AllowRule = (typeof levels)[number] | Alternative[];

/** What a rule says of the sender of a request. `reason` is a sentence for logs and explanations. */
export type Verdict =
  | { kind: 'allow'; reason: string }
  /** Nobody is signed in, and signing in may help. */
  | { kind: 'sign-in' }
  | { kind: 'deny'; code: 'not_allowed'; reason: string }
  /** An access token that is good for less than the rule asks; `scope` is what it lacks. */
  | { kind: 'deny'; code: 'insufficient_scope'; scope: string; reason: string };

const allowPublic: Verdict = { kind: 'allow', reason: 'the route is public' };
const allowSignedIn: Verdict = { kind: 'allow', reason: 'signed in' };
const signIn: Verdict = { kind: 'sign-in' };

/** A condition with its value, compiled. */
interface Part {
  /** Where it stands, such as `allow[0].groups`. */
  place: string;
  holds(subject: Subject): boolean;
  /** The scope that a client lacks where this does not hold. */
  lackingScope: string | undefined;
}

interface CompiledAlternative {
  parts: readonly Part[];
  /** The verdict where all of them hold. */
  verdict: Verdict;
}

/** Prepares a rule, so that a request looks at no key of the configuration. Pure: equal subjects, equal verdicts. */
export function compileRule(allow: AllowRule): (subject: Subject) => Verdict {
  if (allow === 'public') return () => allowPublic;
  if (allow === 'signed-in') return ({ person }) => (person === undefined ? signIn : allowSignedIn);
  const alternatives = allow.map(compileAlternative);
  const canHelp = asksWho(allow);
  return (subject) => {
    for (const { parts, verdict } of alternatives) {
      if (failing(parts, subject) === undefined) return verdict;
    }
    // Signing in helps only where some alternative asks who it is.
    return canHelp && subject.person === undefined ? signIn : denial(alternatives, subject);
  };
}

function compileAlternative(alternative: Alternative, index: number): CompiledAlternative {
  const parts = partsOf(alternative).map(
    ([each, value]): Part => ({
      place: `allow[${index}].${each.name}`,
      holds: compileCondition(each, value),
      lackingScope: each.lackingScope?.(value),
    }),
  );
  return { parts, verdict: { kind: 'allow', reason: `allow[${index}] holds` } };
}

function compileCondition(each: Condition, value: unknown): (subject: Subject) => boolean {
  if (each.asks === 'request') return each.compile(value);
  const holds = each.compile(value);
  // What is absent never holds.
  return ({ person }) => person !== undefined && holds(person);
}

/** The first part that does not hold; undefined when all do. */
function failing(parts: readonly Part[], subject: Subject): Part | undefined {
  for (const part of parts) if (!part.holds(subject)) return part;
  return undefined;
}

function denial(alternatives: readonly CompiledAlternative[], subject: Subject): Verdict {
  const places = alternatives.map(({ parts }) => failing(parts, subject)?.place);
  const reason = `none holds: ${places.join(', ')}`;
  const scope = subject.person?.bearer ? missingScope(alternatives, subject) : undefined;
  return scope === undefined
    ? { kind: 'deny', code: 'not_allowed', reason }
    : { kind: 'deny', code: 'insufficient_scope', scope, reason };
}

/** The scope of the first alternative that lacks nothing else. */
function missingScope(alternatives: readonly CompiledAlternative[], subject: Subject): string | undefined {
  for (const { parts } of alternatives) {
    const missing = parts.filter((part) => !part.holds(subject));
    if (missing.every(({ lackingScope }) => lackingScope !== undefined)) return missing[0]?.lackingScope;
  }
  return undefined;
}

const byName = new Map(conditions.map((each, place) => [each.name, { each, place }]));

/**
 * The conditions of an alternative with their values, in the order of the table. Throws Error for what the schema
 * refuses: an alternative that asks for nothing, or for what nobody knows, would let everybody pass.
 */
export function partsOf(alternative: Alternative): [condition: Condition, value: unknown][] {
  const known = Object.entries(alternative)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const found = byName.get(name);
      if (found === undefined) throw new Error(`no condition of a rule has the name ${name}`);
      return { ...found, value };
    });
  if (known.length === 0) throw new Error('an alternative of a rule has no condition');
  return known.sort((one, other) => one.place - other.place).map(({ each, value }) => [each, value]);
}

/** Whether a rule asks who somebody is, so that it may hold for them once they are signed in. */
export function asksWho(allow: AllowRule): boolean {
  if (!Array.isArray(allow)) return allow !== 'public';
  return allow.some((alternative) => partsOf(alternative).some(([{ asks }]) => asks === 'person'));
}

/** What a token has to be good for, whoever brings it; undefined where some other condition may do as well. */
export function requiredScope(allow: AllowRule): string | undefined {
  if (!Array.isArray(allow)) return undefined;
  const forClients = allow
    .map(partsOf)
    .filter((parts) => parts.every(([each, value]) => each.holdsOnlyFor?.(value) !== 'sessions'));
  const scopes = forClients.map(
    (parts) => parts.flatMap(([each, value]) => each.lackingScope?.(value) ?? [])[0],
  );
  return scopes.includes(undefined) ? undefined : scopes[0];
}

/** Two rules with the same key hold for the very same requests. */
export function ruleKey(allow: AllowRule): unknown {
  if (!Array.isArray(allow)) return allow;
  return allow.map((alternative) =>
    partsOf(alternative).map(([each, value]) => [each.name, each.key(value)]),
  );
}

/** The claims that a rule reads: dotted paths, and those of which each provider says where it has them. */
export function needsOfRule(allow: AllowRule): { paths: string[]; roles: ClaimRole[] } {
  const parts = Array.isArray(allow) ? allow.flatMap(partsOf) : [];
  const needs = parts.map(([each, value]) => each.needs?.(value) ?? {});
  return {
    paths: needs.flatMap(({ paths = [] }) => paths),
    roles: needs.flatMap(({ roles = [] }) => roles),
  };
}

/** The key of an alternative that only clients with an access token can meet. It need not be valid yet. */
export function onlyForClients(alternative: Readonly<Record<string, unknown>>): string | undefined {
  return conditions.findLast(
    ({ name, holdsOnlyFor }) =>
      alternative[name] !== undefined && holdsOnlyFor?.(alternative[name]) === 'clients',
  )?.name;
}

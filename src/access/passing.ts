import type { ClaimRole, Clause, Condition } from './condition.ts';
import type { Demand } from './cover.ts';
import type { AccessRule } from './decide.ts';
import { asksWho, partsOf } from './rule.ts';

/** Who sends a request, as far as it makes a difference to who else may be meant. */
export interface Sender {
  who: 'nobody' | 'session' | 'client' | 'refused client';
  /** The name of the provider that vouches for them. */
  provider?: string | undefined;
}

/** What a request has to it that rules may ask of, beside its sender. */
export interface RequestKind {
  preflight?: boolean;
  /** It may change something, and lacks `X-Requested-With`. */
  forgeable?: boolean;
  /** It may change something, and names this origin. */
  origin?: string;
}

/** How rules are read, where two configurations read them in two ways. */
export interface Reading {
  origins: ReadonlySet<string>;
  /** Gives another name to what is not asked in the same way in both. */
  rename(name: string, condition: Pick<Condition, 'asks'> & { roles: readonly ClaimRole[] }): string;
}

/** What is compared of a rule. */
type Compared = 'allow' | 'provider' | 'unauthenticated' | 'preflight' | 'csrf' | 'stepUp';

/** A rule of which all that it says is compared: with a key that is not, nothing would compile. */
export type PassingRule = (Exclude<keyof AccessRule, Compared> extends never ? AccessRule : never) & {
  cors?: readonly string[] | undefined;
};

/**
 * Who passes a route: whoever meets one of these demands. It says of `compileAccess` what can be compared; a test holds
 * the one against the other.
 */
export function demandsOf(rule: PassingRule, sender: Sender, kind: RequestKind, reading: Reading): Demand[] {
  const isKnown = sender.who !== 'nobody' && isTrusted(rule, sender);
  const isRefused = sender.who === 'refused client' || (sender.who === 'client' && !isKnown);
  // A token that does not count here is refused before anything else is asked, but where everybody may pass.
  if (isRefused && rule.allow !== 'public') return [];
  if (kind.preflight && rule.preflight === 'pass') return [[]];
  if (isRefused || !isKnown) return demandsOnNobody(rule, reading);
  if (rule.csrf === 'header' && sender.who === 'session') {
    const { origin } = kind;
    const isElsewhere = origin !== undefined && !reading.origins.has(origin) && !rule.cors?.includes(origin);
    if (kind.forgeable || isElsewhere) return [];
  }
  const strength = stepUpClauses(rule.stepUp);
  const { allow } = rule;
  if (!Array.isArray(allow)) return [strength];
  const others = sender.who === 'client' ? 'sessions' : 'clients';
  return allow
    .map(partsOf)
    .filter((parts) => parts.every(([each, value]) => each.holdsOnlyFor?.(value) !== others))
    .map((parts) => [...parts.flatMap(([each, value]) => clausesOf(each, value, reading)), ...strength]);
}

function demandsOnNobody({ allow, unauthenticated }: PassingRule, reading: Reading): Demand[] {
  if (allow === 'public' || (unauthenticated === 'pass' && asksWho(allow))) return [[]];
  if (!Array.isArray(allow)) return [];
  return allow
    .map(partsOf)
    .filter((parts) => parts.every(([{ asks }]) => asks === 'request'))
    .map((parts) => parts.flatMap(([each, value]) => clausesOf(each, value, reading)));
}

const isTrusted = ({ provider: named }: PassingRule, { provider }: Sender): boolean =>
  named === undefined || (provider !== undefined && named.includes(provider));

function clausesOf(condition: Condition, value: unknown, { rename }: Reading): Clause[] {
  const { asks, needs } = condition;
  const roles = needs?.(value).roles ?? [];
  const newName = (name: string) => rename(name, { asks, roles });
  return condition.clauses(value).map((clause): Clause => {
    const { implies } = clause;
    if (!implies) return { ...clause, name: newName(clause.name) };
    return {
      ...clause,
      name: newName(clause.name),
      implies(fact) {
        const implied = implies(fact);
        return { ...implied, name: newName(implied.name) };
      },
    };
  });
}

/** Both ask of the sign-in; who signed in a shorter while ago has signed in a longer while ago. */
function stepUpClauses(stepUp: AccessRule['stepUp']): Clause[] {
  const { acr, maxAge } = stepUp ?? {};
  return [
    ...(acr ? [{ name: 'stepUp.acr', anyOf: acr }] : []),
    ...(maxAge === undefined
      ? []
      : [
          {
            name: 'stepUp.maxAge',
            anyOf: [`${maxAge / 1000}s`],
            entails: (age: string, most: string) => Number.parseFloat(age) <= Number.parseFloat(most),
          },
        ]),
  ];
}

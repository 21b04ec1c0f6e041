import type { Keys, SealingKey } from './key-ring.ts';
import { type Identify, type NameOf, namesOf } from './person-names.ts';
import type { RevocationKind, Revocations } from './revocations.ts';
import { secretName } from './secret-name.ts';
import type { Session } from './session.ts';

/** What ends sessions from outside: one session, all of a provider's sign-in, or all of a person. */
export type RevocationTarget =
  | { kind: 'session'; id: string }
  | { kind: 'sid'; provider: string; sid: string }
  | { kind: 'subject'; provider: string; subject: string }
  /** At whatever provider. */
  | { kind: 'person'; name: NameOf };

/** The sign-outs of this process, as one plan looks at them. */
export interface SessionRevocations extends Revocations {
  isRevoked(session: Session): boolean;
  /** The keys that a target is put on the list by: one for each secret, for those that know only one of them. */
  keysOf(target: RevocationTarget): string[];
}

export interface RevocationKeysNeeds {
  /** The keys for `people` of the plan. */
  keys: Keys;
  /** Those of all plans: what one ends holds for what was opened under another. */
  known: ReadonlySet<SealingKey>;
  identify: Identify;
}

export function sessionRevocations(
  list: Revocations,
  { keys, known, identify }: RevocationKeysNeeds,
): SessionRevocations {
  // Somebody has always just signed out: that must not cost every request its digests, nor everything that is open when
  // a front-channel logout comes, which anybody can send. Each takes 4 µs, where to open a cookie takes 30; to look for
  // those that are known takes 0.1 µs (`npm run build && node bench/sign-outs.mjs`).
  const digests = new WeakMap<SealingKey, WeakMap<Session, Made>>();
  const keysUnder = (key: SealingKey, session: Session): readonly string[] => {
    const ofKey = digests.get(key) ?? new WeakMap<Session, Made>();
    const { kinds } = list;
    const before = ofKey.get(session);
    if (before?.kinds === kinds.size) return before.keys;
    const keys = targetsOf(session, identify, kinds).map((target) => revocationKey(key, target));
    digests.set(key, ofKey.set(session, { kinds: kinds.size, keys }));
    return keys;
  };
  return {
    ...list,
    isRevoked(session) {
      if (list.isEmpty()) return false;
      for (const key of known) if (list.has(keysUnder(key, session), session.createdAt)) return true;
      return false;
    },
    keysOf: (target) => keys.map((key) => revocationKey(key, target)),
  };
}

/** The keys of a session, as far as they were of use when so many kinds of sign-outs were known. */
interface Made {
  kinds: number;
  keys: readonly string[];
}

/** The list may be kept outside this process, where it should name nobody. */
function revocationKey(key: SealingKey, target: RevocationTarget): string {
  const { kind }: { kind: RevocationKind } = target;
  return `${kind}.${secretName(key, ['ended', kind, ...partsOf(target)])}`;
}

function partsOf(target: RevocationTarget): readonly string[] {
  switch (target.kind) {
    case 'session':
      return [target.id];
    case 'sid':
      return [target.provider, target.sid];
    case 'subject':
      return [target.provider, target.subject];
    case 'person':
      return target.name;
  }
}

/** What a session can be ended by, as far as somebody was ended by such a thing. */
function targetsOf(
  session: Session,
  identify: Identify,
  kinds: ReadonlySet<RevocationKind>,
): RevocationTarget[] {
  const { id, provider, providerSessionId: sid, subject } = session;
  const targets: RevocationTarget[] = [];
  if (kinds.has('session')) targets.push({ kind: 'session', id });
  if (kinds.has('subject')) targets.push({ kind: 'subject', provider, subject });
  if (kinds.has('sid') && sid !== undefined) targets.push({ kind: 'sid', provider, sid });
  if (kinds.has('person'))
    for (const name of namesOf(identify(session))) targets.push({ kind: 'person', name });
  return targets;
}

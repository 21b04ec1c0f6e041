import type { Keys, SealingKey } from './key-ring.ts';
import { type Identify, type NameOf, namesOf } from './person-names.ts';
import type { Revocations } from './revocations.ts';
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
  // Somebody has always just signed out: that must not cost every request its digests, nor everything that is
  // open when a front-channel logout comes, which anybody can send.
  const digests = new WeakMap<SealingKey, WeakMap<Session, string[]>>();
  const keysUnder = (key: SealingKey, session: Session): string[] => {
    let ofKey = digests.get(key);
    if (!ofKey) digests.set(key, (ofKey = new WeakMap()));
    let keysOfSession = ofKey.get(session);
    if (!keysOfSession) {
      keysOfSession = targetsOf(session, identify).map((target) => revocationKey(key, target));
      ofKey.set(session, keysOfSession);
    }
    return keysOfSession;
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

/** The list may be kept outside this process, where it should name nobody. */
function revocationKey(key: SealingKey, target: RevocationTarget): string {
  return secretName(key, ['ended', target.kind, ...partsOf(target)]);
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

/** What a session can be ended by. */
function targetsOf(session: Session, identify: Identify): RevocationTarget[] {
  const { id, provider, providerSessionId: sid, subject } = session;
  const targets: RevocationTarget[] = [
    { kind: 'session', id },
    { kind: 'subject', provider, subject },
    ...namesOf(identify(session)).map((name): RevocationTarget => ({ kind: 'person', name })),
  ];
  if (sid !== undefined) targets.push({ kind: 'sid', provider, sid });
  return targets;
}

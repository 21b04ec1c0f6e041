import { createHash } from 'node:crypto';
import { deriveKey, type SealingKey } from './key-ring.ts';
import { type Outcome, outcomeText } from './outcome.ts';
import { openWith, sealWith } from './seal.ts';

/** One use of a token, by everybody who holds it: only they can read its outcome. */
export interface Turn {
  name: string;
  seal(outcome: Outcome): string;
  open(value: string): Outcome | undefined;
}

/** @param told what tells one turn from the next */
export function turnOf(kind: 'refresh' | 'claims', told: readonly unknown[]): Turn {
  const secret = Buffer.from(told.join('\0'), 'utf8');
  const name = `${kind} ${createHash('sha256').update(secret).digest('base64url')}`;
  /** Many a turn is only looked for by its name. */
  let key: SealingKey | undefined;
  const keyOnce = () => (key ??= deriveKey(secret, 'refresh'));
  /** What this process sealed itself: it is posted more than once, and comes back to the process that posted it. */
  const sealed = new Map<Outcome, string>();
  return {
    name,
    seal(outcome) {
      const value = sealed.get(outcome) ?? sealWith(keyOnce(), outcomeText(outcome), 'refresh', name);
      sealed.set(outcome, value);
      return value;
    },
    open(value) {
      for (const [outcome, own] of sealed) if (own === value) return outcome;
      const opened = openWith([keyOnce()], value, 'refresh', name);
      return opened && (JSON.parse(opened.text) as Outcome);
    },
  };
}

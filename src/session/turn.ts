import { createHash } from 'node:crypto';
import { deriveKey } from './key-ring.ts';
import type { Outcome } from './outcome.ts';
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
  const key = deriveKey(secret, 'refresh');
  return {
    name,
    seal: (outcome) => sealWith(key, JSON.stringify(outcome), 'refresh', name),
    open(value) {
      const opened = openWith([key], value, 'refresh', name);
      return opened && (JSON.parse(opened.text) as Outcome);
    },
  };
}

import { scrub } from './scrub.ts';

/**
 * Secrets that somebody has told of, such as those of the configuration: they have no shape by which `scrub` could
 * tell them, and a provider or an upstream may repeat what it was sent.
 */
export interface KnownSecrets {
  keep(secrets: readonly string[]): void;
  /** A text without them. */
  hide(text: string): string;
}

/** A shorter one stands in ordinary words too, and would blank them. */
const shortest = 6;
const hidden = '[redacted]';

export function createKnownSecrets(): KnownSecrets {
  const known = new Set<string>();
  return {
    keep(secrets) {
      for (const secret of secrets) {
        if (secret.length < shortest) continue;
        known.add(secret);
        // What is left of it where a part of it has a shape of its own.
        const scrubbed = scrub(secret);
        if (scrubbed !== hidden) known.add(scrubbed);
      }
    },
    hide(text) {
      let clean = text;
      for (const secret of known) clean = clean.replaceAll(secret, hidden);
      return clean;
    },
  };
}

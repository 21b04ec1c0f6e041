import { createBounded } from '../bounded.ts';
import { cutMark, scrub } from './scrub.ts';

/**
 * Secrets that somebody has told of, such as those of the configuration: they have no shape by which `scrub` could
 * tell them, and a provider or an upstream may repeat what it was sent.
 */
export interface KnownSecrets {
  /**
   * Those of one configuration. To tell of them again makes them the newest; those of a few before stay known, since
   * answers to them may still come.
   */
  keep(secrets: readonly string[]): void;
  /** A text without them. */
  hide(text: string): string;
}

/** A shorter one stands in ordinary words too, and would blank them. */
const shortest = 6;
const hidden = '[redacted]';
/** Of so many configurations the secrets are known, so that secrets that change every day do not fill memory. */
const mostLists = 8;

export function createKnownSecrets(): KnownSecrets {
  /** By what is in them, the newest last. */
  const lists = createBounded<string, readonly string[]>({ entries: mostLists });
  let known: readonly string[] = [];
  return {
    keep(secrets) {
      const key = JSON.stringify([...new Set(secrets)].sort());
      lists.set(key, secrets.flatMap(spellings));
      // One may be a part of another, of which the rest must not stay.
      known = [...new Set([...lists.values()].flat())].sort((a, b) => b.length - a.length);
    },
    hide(text) {
      let clean = text;
      for (const secret of known) clean = clean.replaceAll(secret, hidden);
      return clean.includes(cutMark) ? hideCut(clean, known) : clean;
    },
  };
}

/** Takes the secrets of one configuration out of a text. */
export function hiderOf(secrets: readonly string[]): KnownSecrets['hide'] {
  const known = createKnownSecrets();
  known.keep(secrets);
  return known.hide;
}

/** The forms in which others repeat a secret. */
function spellings(secret: string): string[] {
  if (secret.length < shortest) return [];
  const form = new URLSearchParams({ s: secret }).toString().slice('s='.length);
  // And what is left of it where a part of it has a shape of its own.
  const all = [secret, encodeURIComponent(secret), form, scrub(secret)];
  return all.filter((text) => text !== hidden && text.length >= shortest);
}

/** Where a text was cut, a part of a secret may stand at the cut. */
function hideCut(text: string, known: readonly string[]): string {
  const pieces = text.split(cutMark);
  const last = pieces.pop() ?? '';
  return [...pieces.map((piece) => withoutEnd(piece, known)), last].join(cutMark);
}

function withoutEnd(piece: string, known: readonly string[]): string {
  for (const secret of known) {
    for (let length = secret.length - 1; length >= shortest; length--) {
      if (piece.endsWith(secret.slice(0, length))) return piece.slice(0, -length) + hidden;
    }
  }
  return piece;
}

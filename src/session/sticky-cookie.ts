import type { Sticky } from '../forward/sticky.ts';
import type { GatewayCookies } from './cookie-names.ts';
import { parseCookies, setCookie } from './cookies.ts';
import type { KeyRing } from './key-ring.ts';
import { open, seal } from './seal.ts';

/** Each costs a decryption; nobody has so many of one name by accident. */
const mostCandidates = 4;

/**
 * The cookies that tie browsers to targets. They are sealed, so that nobody reads how the inside is laid out, or chooses
 * a target; one that does not open is none.
 */
export function createStickyCookies(
  ring: KeyRing,
  { stickyAttributes: attributes }: Pick<GatewayCookies, 'stickyAttributes'>,
): (name: string) => Sticky {
  return (name) => ({
    read(header) {
      // Most requests of programs have no cookie at all.
      if (!header?.includes(name)) return undefined;
      const candidates = parseCookies(header).filter((cookie) => cookie.name === name);
      for (const { value } of candidates.slice(0, mostCandidates)) {
        const opened = open(value, ring, 'target', name);
        if (opened) return { target: opened.text, isOld: opened.outdatedKey };
      }
      return undefined;
    },
    write: (target) => setCookie({ name, value: seal(target, ring, 'target', name) }, attributes),
  });
}

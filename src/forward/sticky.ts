import type { Forwarding } from './forwarding.ts';
import type { Target } from './targets.ts';

/** Ties a browser to a target, by a cookie. */
export interface Sticky {
  /** Which target the browser of a request is tied to; undefined for none that can be told. */
  read(cookies: string | undefined): Tie | undefined;
  /** The Set-Cookie value that ties one. */
  write(target: string): string;
}

export interface Tie {
  /** The name of the target. */
  target: string;
  /** The cookie is to be written anew, such as since its key is. */
  isOld: boolean;
}

/** What an answer of a target sets: the tie to it, where the browser has another one, or none. */
export function tiedTo(
  forwarding: Forwarding,
  { name }: Pick<Target, 'name'>,
  sticky: Sticky | undefined,
  tie: Tie | undefined,
): Forwarding {
  if (!sticky || (tie?.target === name && !tie.isOld)) return forwarding;
  const setCookies = [...forwarding.setCookies, sticky.write(name)];
  return { ...forwarding, setCookies, cookiesCanWait: false };
}

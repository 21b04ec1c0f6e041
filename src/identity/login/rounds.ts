import type { Clock } from '../../clock.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import { type Cookie, expireCookie, setCookie } from '../../session/cookies.ts';
import type { KeyRing } from '../../session/key-ring.ts';
import { open, seal } from '../../session/seal.ts';

/**
 * Counts logins that ended well and yet led back to the login: the browser does not keep the session. Without
 * this, it and the provider would send the person round for ever.
 */
export interface Rounds {
  /** Too many rounds in a short time: the next one would end no better. */
  isLoop(cookies: readonly Cookie[]): boolean;
  /** Set-Cookie value that counts one more finished login. */
  count(cookies: readonly Cookie[]): string;
  /** Set-Cookie values that start over. */
  reset(cookies: readonly Cookie[]): string[];
}

const mostRounds = 3;
const windowSeconds = 60;

interface Tally {
  count: number;
  /** Seconds since the epoch. */
  since: number;
}

export function createRounds(names: GatewayCookies, ring: KeyRing, { now }: Pick<Clock, 'now'>): Rounds {
  const attributes = names.roundsAttributes;
  const name = names.rounds;
  const read = (cookies: readonly Cookie[]): Tally => {
    for (const cookie of cookies) {
      const opened = cookie.name === name ? open(cookie.value, ring, 'rounds', name) : undefined;
      const tally = opened && (JSON.parse(opened.text) as Tally);
      if (tally && tally.since + windowSeconds > now() / 1000) return tally;
    }
    return { count: 0, since: Math.floor(now() / 1000) };
  };
  return {
    isLoop: (cookies) => read(cookies).count >= mostRounds,
    count(cookies) {
      const { count, since } = read(cookies);
      const value = seal(JSON.stringify({ count: count + 1, since }), ring, 'rounds', name);
      return setCookie({ name, value }, attributes, windowSeconds);
    },
    reset: (cookies) =>
      cookies.some((cookie) => cookie.name === name) ? [expireCookie(name, attributes)] : [],
  };
}

import { randomBytes } from 'node:crypto';
import type { KeyRing } from '../../session/key-ring.ts';
import { open, seal } from '../../session/seal.ts';
import { loginLifetimeSeconds } from '../browser/login-lifetime.ts';
import { staysOn } from '../browser/return-to.ts';
import type { StepUpRequest } from './step-up.ts';

/**
 * What a login carries through the provider and back, in the parameter `state` (RFC 6749 §4.1.1). It proves
 * nothing about the browser that brings it: that is what the login cookie is for.
 */
export interface CarriedLogin {
  provider: string;
  /** The public origin that the login started on; its callback is on the same one. */
  origin: string;
  /** Where the person was going: an absolute URL. */
  returnTo: string;
  /** Seconds since the epoch. */
  startedAt: number;
  /** What the sign-in has to bring. */
  stepUp?: StepUpRequest | undefined;
  /** How many logins in a row came back to a browser that had kept nothing of them. */
  again: number;
}

/** Whether a login took longer than it may; its address is good for longer. */
export function isStale({ startedAt }: CarriedLogin, now: number): boolean {
  return startedAt + loginLifetimeSeconds <= now / 1000;
}

/**
 * Seals what a login carries, so that nobody can write a state or read one. The same login twice gives two states:
 * each has 128 random bits of its own.
 */
export interface LoginStates {
  seal(login: CarriedLogin): string;
  /** What a state carries, however old it is; undefined for one that is not ours. */
  open(state: string): CarriedLogin | undefined;
}

/** No state of the gateway is near this. */
const longestState = 4096;
/** RFC 6749 §10.10: at most 2^-128, and better 2^-160, to guess. The tag of the seal comes on top. */
const randomBytesOfState = 16;

/** In the authorization request every byte counts; providers and proxies limit the length of an address. */
interface Short {
  i: string;
  p: string;
  t: number;
  r: string;
  /** Only where it is not that of the return address. */
  o?: string | undefined;
  u?: StepUpRequest | undefined;
  a?: number | undefined;
}

/** @param origins every origin that a return address may be on; the first is where others end */
export function createLoginStates(ring: KeyRing, origins: ReadonlySet<string>): LoginStates {
  const [home = ''] = origins;
  return {
    seal({ provider, origin, returnTo, startedAt, stepUp, again }) {
      const short: Short = {
        i: randomBytes(randomBytesOfState).toString('base64url'),
        p: provider,
        t: startedAt,
        r: returnTo,
        o: returnTo.startsWith(`${origin}/`) ? undefined : origin,
        u: stepUp,
        a: again || undefined,
      };
      return seal(JSON.stringify(short), ring, 'state', 'state');
    },
    open(state) {
      const opened = state.length > longestState ? undefined : open(state, ring, 'state', 'state');
      if (!opened) return undefined;
      const { p, t, r, o, u, a = 0 } = JSON.parse(opened.text) as Short;
      const returnTo = staysOn(r, origins) ? r : `${home}/`;
      const origin = o ?? new URL(r).origin;
      return { provider: p, origin, returnTo, startedAt: t, stepUp: u, again: a };
    },
  };
}

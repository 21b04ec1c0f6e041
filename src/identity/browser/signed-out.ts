import { type Answer, pageAnswer, redirectTo } from '../../pages/answer.ts';
import type { Action } from '../../pages/html.ts';
import { type Text, text } from '../../pages/texts/text.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import { type Cookie, expireCookie, setCookie } from '../../session/cookies.ts';

/** What the marker is called, and how it is kept. */
type MarkerCookies = Pick<GatewayCookies, 'signedOut' | 'loginAttributes'>;

/** What shows the page. */
interface ArrivalNeeds {
  /** The path below which the endpoints live. */
  prefix: string;
  cookies: MarkerCookies;
}

/** Long enough for the way over the provider; a later visit is a new one. */
const markerSeconds = 60;

/** Set-Cookie value after which the start page says once that somebody is signed out, instead of starting a login. */
export function markSignedOut(cookies: MarkerCookies): string {
  return setCookie({ name: cookies.signedOut, value: '1' }, cookies.loginAttributes, markerSeconds);
}

export function isMarkedSignedOut(
  cookies: Pick<MarkerCookies, 'signedOut'>,
  sent: readonly Cookie[],
): boolean {
  return sent.some(({ name }) => name === cookies.signedOut);
}

/**
 * The page for somebody who has just signed out and comes back: providers lead to the start page, the one address
 * that is registered with them. Undefined for everybody else.
 */
export function signedOutArrival(
  { prefix, cookies }: ArrivalNeeds,
  sent: readonly Cookie[],
): Answer | undefined {
  if (!isMarkedSignedOut(cookies, sent)) return undefined;
  const { signedOut, loginAttributes } = cookies;
  return signedOutPage(prefix, [expireCookie(signedOut, loginAttributes)]);
}

/** The endpoint of the page, for those who have to be sent to it. Without its marker it would tell a lie. */
export function showSignedOut(needs: ArrivalNeeds, sent: readonly Cookie[]): Answer {
  return signedOutArrival(needs, sent) ?? redirectTo('/');
}

/** Where the page is, as a path. */
export const signedOutPath = (prefix: string) => `${prefix}/signed_out`;

/** @param more what else is to be said, and where it leads to */
export function signedOutPage(
  prefix: string,
  setCookies: readonly string[],
  more: { detail?: Text; actions?: readonly Action[] } = {},
): Answer {
  const page = {
    title: text('signed_out.title'),
    message: text('signed_out.message'),
    detail: more.detail,
    actions: [...(more.actions ?? []), { label: text('button.sign_in_again'), href: `${prefix}/start` }],
  };
  return pageAnswer(200, page, setCookies);
}

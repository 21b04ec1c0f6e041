import { isLoopback } from '../../egress/loopback.ts';
import { GatewayError } from '../../errors.ts';
import type { HeaderFields } from '../../listen/inbound.ts';
import type { Emit } from '../../observe/events.ts';
import type { Answer } from '../../pages/answer.ts';
import { text } from '../../pages/texts/text.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import { expireCookies } from '../../session/cookies.ts';
import type { Session } from '../../session/session.ts';
import type { Sessions } from '../../session/sessions.ts';
import { askedBy, type BrowserRequest } from '../browser/browser-request.ts';
import type { Provider } from '../provider/provider.ts';
import type { Providers } from '../provider/providers.ts';
import { type FrameProofs, frameHeaders, frameOf, originsOf } from './frame-proof.ts';

/** What a frame of a provider's page signs out with. */
export interface FrontChannelNeeds {
  providers: Pick<Providers, 'ofIssuer' | 'settled'>;
  sessions: Pick<Sessions, 'revoke' | 'peek' | 'end'>;
  cookies: Pick<GatewayCookies, 'session' | 'attributes'>;
  proofs: FrameProofs;
  /** Nobody is signed out by a GET that names no session. */
  requirePost: boolean;
  emit: Emit;
}

type Asking = Pick<BrowserRequest, 'origin' | 'requestId' | 'client' | 'traceId' | 'cookies'>;

/**
 * The provider says through the browser, in a frame of its own page, that a sign-in has ended (OpenID Connect
 * Front-Channel Logout 1.0 §2). Cookies mostly don't come along there, so the session is named by `sid`, which nobody can
 * guess. Some providers put no `sid` into ID tokens, and send none here or one that means nothing: then it is the session
 * whose cookie does come along, if that provider made it. Where the browser does not say that the frame is the provider's,
 * it ends when the browser has shown what only the provider may frame.
 */
export async function handleFrontChannel(
  needs: FrontChannelNeeds,
  browser: Asking,
  headers: HeaderFields,
  query: URLSearchParams,
): Promise<Answer> {
  const { sessions, providers, proofs } = needs;
  await providers.settled();
  const [sid = '', ...otherSids] = query.getAll('sid');
  const [iss, ...otherIssuers] = query.getAll('iss');
  const named = iss === undefined ? [] : providers.ofIssuer(iss);
  if (iss === undefined || named.length === 0 || otherSids.length > 0 || otherIssuers.length > 0) refuse();
  const carried = await carriedSession(needs, browser, named);
  const origins = [...new Set([new URL(iss).origin, ...named.flatMap(originsOf)])];
  const proof = proofs.read(query.get('proof') ?? '');
  const isProven = carried !== undefined && proof?.session === carried.id;
  const frame = frameOf(origins, headers, tellsMetadata(browser.origin));
  const isEnding = carried !== undefined && (isProven || frame === 'the provider');
  const isAsked = carried !== undefined && !isEnding && frame === 'not said';
  if (sid === '' && !isEnding && !isAsked) refuse();
  for (const { name } of named)
    if (sid !== '') await sessions.revoke({ kind: 'sid', provider: name, sid }, 'claimed');
  const isTold = sid !== '' || isEnding;
  if (isTold && !(isProven && proof?.isTold)) tell(needs, browser, named);
  if (isAsked) return proofs.page(iss, origins, { session: carried.id, isTold });
  const setCookies = isEnding && (await endCarried(needs, browser));
  return {
    status: 200,
    headers: { ...frameHeaders(origins), ...(setCookies && { 'set-cookie': [...setCookies] }) },
    body: '',
  };
}

/** Whether browsers send Fetch Metadata to an origin: over https, and to their own machine. */
const tellsMetadata = (origin: string): boolean => origin.startsWith('https:') || isLoopback(new URL(origin));

function tell({ emit }: FrontChannelNeeds, browser: Asking, named: readonly Provider[]): void {
  for (const { name } of named)
    emit({ kind: 'front-channel-logout', provider: name, origin: browser.origin, ...askedBy(browser) });
}

function refuse(): never {
  throw new GatewayError('malformed_request', { detail: text('detail.session_not_named') });
}

/**
 * The session whose cookie comes along, where its provider is one of these and gave it no `sid` by which it could be
 * named.
 */
async function carriedSession(
  { sessions, requirePost }: FrontChannelNeeds,
  browser: Asking,
  named: readonly Provider[],
): Promise<Session | undefined> {
  if (requirePost) return undefined;
  const session = await sessions.peek(browser.cookies);
  if (!session || session.providerSessionId !== undefined) return undefined;
  return named.some(({ name }) => name === session.provider) ? session : undefined;
}

/** Ends the session whose cookie comes along. Gives the Set-Cookie values that take the cookie away. */
async function endCarried(
  { sessions, cookies }: FrontChannelNeeds,
  browser: Asking,
): Promise<readonly string[]> {
  await sessions.end(browser.cookies);
  const names = browser.cookies.map(({ name }) => name);
  const ofSession = names.filter(
    (name) => name === cookies.session || name.startsWith(`${cookies.session}.`),
  );
  return expireCookies(ofSession, cookies.attributes);
}

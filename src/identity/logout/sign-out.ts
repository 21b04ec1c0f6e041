import { isFromOrigins, isPersonsNavigation, wantsPage } from '../../access/navigation.ts';
import { type Clock, within } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { HeaderFields } from '../../listen/inbound.ts';
import type { Emit } from '../../observe/events.ts';
import { type Answer, jsonAnswer, pageAnswer, redirectTo } from '../../pages/answer.ts';
import { text } from '../../pages/texts/text.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import { expireCookies } from '../../session/cookies.ts';
import type { Session } from '../../session/session.ts';
import type { Sessions } from '../../session/sessions.ts';
import { askedBy, type BrowserRequest, emitFor } from '../browser/browser-request.ts';
import type { OtherAccounts } from '../browser/other-account.ts';
import { safeReturnTo } from '../browser/return-to.ts';
import { markSignedOut, signedOutPage, signedOutPath } from '../browser/signed-out.ts';
import type { Providers } from '../provider/providers.ts';
import { endSessionUrlOf } from './end-session.ts';
import { revokeTokens } from './revoke-tokens.ts';

/** What ends a session here. */
interface EndNeeds {
  sessions: Pick<Sessions, 'find' | 'end' | 'revoke'>;
  providers: Pick<Providers, 'get'>;
  emit: Emit;
  clock: Pick<Clock, 'after'>;
}

/** What says where a sign-out leads. */
interface EndingNeeds {
  /** The path below which the endpoints live. */
  prefix: string;
  cookies: GatewayCookies;
  providers: Pick<Providers, 'get' | 'all'>;
  otherAccounts: Pick<OtherAccounts, 'ask'>;
  /** Every origin that a return address may be on. */
  returnOrigins: ReadonlySet<string>;
  /** Whether the path rules let a return address on our own origins be asked for. */
  isReadable(url: string): boolean;
  emit: Emit;
}

export interface SignOutNeeds extends EndNeeds, EndingNeeds {
  providers: Pick<Providers, 'get' | 'all'>;
  /** A GET shows a page with a button. */
  requirePost: boolean;
}

/**
 * Ends the session here, its tokens, and the sign-in at the provider (OpenID Connect RP-Initiated Logout 1.0
 * §2). Without an endpoint for that, or while the provider is away, the person is told that only this site
 * has been left. `everywhere` ends all sessions of the person. Nobody is signed out but by a person who went here or
 * by the site itself: any other GET gets a page with a button.
 */
export async function handleSignOut(
  parts: SignOutNeeds,
  browser: BrowserRequest,
  request: { method: string; headers: HeaderFields },
  parameters: URLSearchParams,
): Promise<Answer> {
  const { providers, returnOrigins, requirePost } = parts;
  const { method, headers } = request;
  if (method === 'POST') {
    if (!isFromOrigins(headers, returnOrigins)) throw new GatewayError('cross_site');
  } else if (requirePost || !isPersonsNavigation(method, headers)) {
    if (wantsPage(headers)) return confirmation(parts.prefix, parameters, isElsewhere(headers));
    const detail = text('detail.sign_out_by_post');
    throw new GatewayError('method_not_allowed', { detail, allow: 'POST' });
  }
  const session = await endSession(parts, browser, parameters.has('everywhere'));
  if (session) await providers.get(session.provider)?.settled();
  const ending = endingOf(parts, browser, session, parameters.get('rd'));
  const isJson = method === 'POST' && wantsJson(headers);
  if (isJson) return jsonAnswer(200, { logoutUrl: ending.location }, ending.setCookies);
  return ending.page ?? redirectTo(ending.location, ending.setCookies);
}

/** A script asks where the browser has to go next, in place of being sent there. */
function wantsJson({ accept = '' }: HeaderFields): boolean {
  return accept.includes('application/json') && !accept.includes('text/html');
}

function isElsewhere(headers: HeaderFields): boolean {
  return headers['sec-fetch-site'] === 'cross-site' || headers['sec-fetch-site'] === 'same-site';
}

/** Where a sign-out leads, once the session has ended here. */
interface Ending {
  /** Absolute. */
  location: string;
  setCookies: readonly string[];
  /** It leads nowhere else, so that it can be said at once. */
  page?: Answer;
}

function endingOf(
  parts: EndingNeeds,
  browser: BrowserRequest,
  session: Session | undefined,
  rd: string | null,
): Ending {
  const { providers, prefix, returnOrigins, otherAccounts } = parts;
  const emit = emitFor(parts.emit, browser);
  const returnTo = safeReturnTo(rd, browser.origin, returnOrigins, parts.isReadable);
  const clear = clearAll(parts.cookies, browser);
  const provider = session && providers.get(session.provider);
  const atProvider = provider?.isReady()
    ? endSessionUrlOf(provider, session?.idToken, returnTo, emit)
    : undefined;
  if (atProvider) {
    const marked = rd === null ? [markSignedOut(parts.cookies)] : [];
    return { location: atProvider, setCookies: [...clear, ...marked] };
  }
  // The provider still knows who this was, and would say so again without a word.
  const setCookies = [...clear, otherAccounts.ask()];
  if (rd !== null) return { location: returnTo, setCookies };
  const location = browser.origin + signedOutPath(prefix);
  const marked = [...setCookies, markSignedOut(parts.cookies)];
  const detail = text('signed_out.provider_knows');
  const [only, ...others] = providers.all;
  const isOnly = !session && others.length === 0;
  const href = isOnly && only?.isReady() ? endSessionUrlOf(only, undefined, returnTo, emit) : undefined;
  if (href === undefined)
    return { location, setCookies: marked, page: signedOutPage(prefix, setCookies, { detail }) };
  const actions = [{ label: text('button.sign_out_there_too'), href }];
  return { location, setCookies: marked, page: signedOutPage(prefix, marked, { detail, actions }) };
}

/** Ends the session of a request; gives what it was, where there was one. */
async function endSession(
  parts: EndNeeds,
  browser: BrowserRequest,
  everywhere: boolean,
): Promise<Session | undefined> {
  const { sessions, emit } = parts;
  const session = await sessions.find(browser.cookies).catch(async (error: unknown) => {
    notWrittenDown(emit, {}, browser, error);
    // Whose it is cannot be told: who is refused keeps the session, and can try again.
    if (everywhere) throw error;
    // It ends unread then, when the store is back.
    await sessions.end(browser.cookies).catch(() => {});
    return undefined;
  });
  if (session) await endKnown(parts, browser, session, everywhere);
  return session;
}

async function endKnown(
  parts: EndNeeds,
  browser: BrowserRequest,
  session: Session,
  everywhere: boolean,
): Promise<void> {
  const { providers, sessions, emit } = parts;
  const { subject } = session;
  const provider = providers.get(session.provider);
  const user = provider?.personOf(session).user;
  const whose = { provider: session.provider, user, subject, sessionId: session.id };
  const revoked = provider && revokeTokens(provider, session, emitFor(emit, browser));
  try {
    await sessions.end(browser.cookies);
    if (everywhere) await sessions.revoke({ kind: 'subject', provider: session.provider, subject });
    emit({ kind: 'signed-out', ...whose, everywhere, ...askedBy(browser) });
  } catch (error) {
    notWrittenDown(emit, whose, browser, error);
    if (everywhere) throw error;
  }
  // Some lose the session that the browser is about to end there, when both come at once. What it comes to changes
  // nothing here, so that a provider that is slow is not waited for longer.
  const goesOn = provider?.isReady() && provider.client.metadata().end_session_endpoint !== undefined;
  if (revoked && goesOn) await within(parts.clock, revocationPatienceMs, revoked);
}

/** The person looks at nothing meanwhile. */
const revocationPatienceMs = 600;

/** The cookie goes all the same; that a copy of it may live on is for the log. Other browsers are not reached. */
function notWrittenDown(
  emit: Emit,
  whose: { provider?: string; user?: string | undefined; subject?: string; sessionId?: string },
  browser: BrowserRequest,
  error: unknown,
): void {
  emit({ kind: 'sign-out-not-kept', ...whose, error, ...askedBy(browser) });
}

/** Set-Cookie values that remove the session, its left-over chunks and logins that are under way. */
function clearAll(cookies: GatewayCookies, browser: BrowserRequest): string[] {
  const { owns, session, signedOut, account, attributes, loginAttributes } = cookies;
  // What a sign-out leaves behind it sets anew.
  const isLeft = (name: string) => name === signedOut || name === account;
  const sent = browser.cookies.map(({ name }) => name);
  const names = sent.filter((name) => owns(name) && !isLeft(name));
  const isSession = (name: string) => name === session || name.startsWith(`${session}.`);
  return [
    ...expireCookies(names.filter(isSession), attributes),
    ...expireCookies(
      names.filter((name) => !isSession(name)),
      loginAttributes,
    ),
  ];
}

function confirmation(prefix: string, parameters: URLSearchParams, isForeign: boolean): Answer {
  const kept = new URLSearchParams(
    [...parameters].filter(([name]) => name === 'rd' || name === 'everywhere'),
  );
  const query = kept.size > 0 ? `?${kept}` : '';
  return pageAnswer(200, {
    title: text('sign_out.title'),
    message: text(isForeign ? 'sign_out.foreign' : 'sign_out.message'),
    actions: [
      { label: text('button.sign_out'), href: `${prefix}/sign_out${query}`, post: true },
      { label: text('button.stay_signed_in'), href: '/' },
    ],
  });
}

import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema/index.ts';
import type { HeaderFields } from '../../listen/inbound.ts';
import type { Emit } from '../../observe/events.ts';
import type { Answer } from '../../pages/answer.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import type { Cookie } from '../../session/cookies.ts';
import type { KeyRing } from '../../session/key-ring.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { Shared } from '../../session/shared/shared.ts';
import type { BrowserRequest } from '../browser/browser-request.ts';
import { createOtherAccounts } from '../browser/other-account.ts';
import { showSignedOut, signedOutArrival } from '../browser/signed-out.ts';
import type { Providers } from '../provider/providers.ts';
import { handleBackChannel } from './back-channel.ts';
import { createFrameProofs } from './frame-proof.ts';
import { type FrontChannelNeeds, handleFrontChannel } from './front-channel.ts';
import { createLogoutTokens } from './logout-token.ts';
import { handleSignOut, type SignOutNeeds } from './sign-out.ts';

export interface OpenSignOutNeeds {
  providers: Providers;
  sessions: Sessions;
  /** Does a thing once among all processes. */
  once: Shared['once'];
  cookies: GatewayCookies;
  ring: KeyRing;
  /** Whether the path rules let a return address on our own origins be asked for. */
  isReadable(url: string): boolean;
  emit: Emit;
  clock: Pick<Clock, 'now' | 'after'>;
}

/** How people are signed out. What throws or rejects does so with GatewayError. */
export interface SignOutPort {
  /** Somebody signs out here. */
  signOut(
    browser: BrowserRequest,
    request: { method: string; headers: HeaderFields },
    parameters: URLSearchParams,
  ): Promise<Answer>;
  /** A provider says so, server to server. @param tokens each `logout_token` that came */
  backChannel(browser: BrowserRequest, tokens: readonly string[]): Promise<Answer>;
  /** A provider says so, through the browser. */
  frontChannel(browser: BrowserRequest, headers: HeaderFields, query: URLSearchParams): Promise<Answer>;
  /** The page for somebody who comes back signed out; undefined for everybody else. */
  arrival(sent: readonly Cookie[]): Answer | undefined;
  /** The page at an address of its own. */
  page(sent: readonly Cookie[]): Answer;
}

/** Opens what signs people out, here and at the provider. Nothing of it outlives a configuration. */
export function openSignOut(
  { endpoints, publicUrl, signOut }: Pick<Config, 'endpoints' | 'publicUrl' | 'signOut'>,
  { providers, sessions, once, cookies, ring, isReadable, emit, clock }: OpenSignOutNeeds,
): SignOutPort {
  const { prefix } = endpoints;
  const leaving: SignOutNeeds = {
    prefix,
    providers,
    sessions,
    cookies,
    isReadable,
    emit,
    clock,
    returnOrigins: new Set(publicUrl),
    otherAccounts: createOtherAccounts(cookies, ring, clock),
    requirePost: signOut.requirePost,
  };
  const framed: FrontChannelNeeds = {
    ...leaving,
    providers,
    sessions,
    proofs: createFrameProofs(ring, clock),
  };
  const logoutTokens = createLogoutTokens(providers, once, clock);
  return {
    signOut: (browser, request, parameters) => handleSignOut(leaving, browser, request, parameters),
    backChannel: (browser, tokens) => handleBackChannel({ sessions, logoutTokens, emit }, browser, tokens),
    frontChannel: (browser, headers, query) => handleFrontChannel(framed, browser, headers, query),
    arrival: (sent) => signedOutArrival({ prefix, cookies }, sent),
    page: (sent) => showSignedOut({ prefix, cookies }, sent),
  };
}

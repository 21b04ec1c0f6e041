import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema/index.ts';
import type { Logger } from '../../observe/log.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import type { KeyRing } from '../../session/key-ring.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { Shared } from '../../session/shared/shared.ts';
import { createOtherAccounts } from '../browser/other-account.ts';
import type { Providers } from '../provider/providers.ts';
import { createLogoutTokens } from './logout-token.ts';
import type { SignOutParts } from './sign-out.ts';

export interface OpenSignOutNeeds {
  providers: Providers;
  sessions: Sessions;
  /** Does a thing once among all processes. */
  once: Shared['once'];
  cookies: GatewayCookies;
  ring: KeyRing;
  /** Whether the path rules let a return address of ours be asked for. */
  isReadable(url: string): boolean;
  log: Logger;
  clock: Pick<Clock, 'now'>;
}

/** What signs people out, here and at the provider. Nothing of it outlives a configuration. */
export function openSignOut(
  { endpoints, publicUrl, signOut }: Pick<Config, 'endpoints' | 'publicUrl' | 'signOut'>,
  { providers, sessions, once, cookies, ring, isReadable, log, clock }: OpenSignOutNeeds,
): SignOutParts {
  return {
    prefix: endpoints.prefix,
    providers,
    sessions,
    cookies,
    isReadable,
    log,
    returnOrigins: new Set(publicUrl),
    otherAccounts: createOtherAccounts(cookies, ring, clock),
    logoutTokens: createLogoutTokens(providers, once, clock),
    requirePost: signOut.requirePost,
  };
}

import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema/index.ts';
import type { Emit } from '../../observe/events.ts';
import type { Random } from '../../random.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import type { KeyRing } from '../../session/key-ring.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { ClaimDesk } from '../../session/shared/shared.ts';
import { createOtherAccounts } from '../browser/other-account.ts';
import { needsIdToken } from '../logout/end-session.ts';
import type { Providers } from '../provider/providers.ts';
import { refreshReach } from '../upstream-token/target.ts';
import type { CallbackParts } from './callback.ts';
import type { ChoiceParts } from './choose.ts';
import { createLoginCookies } from './login-cookie.ts';
import { createLoginStates } from './login-state.ts';
import { createRounds } from './rounds.ts';
import { createUsedStates } from './used-states.ts';

export interface LoginsNeeds {
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  /** Whether headers use the ID token. */
  idToken: boolean;
  providers: Providers;
  sessions: Sessions;
  /** Where each login counts once among all processes. */
  desk: ClaimDesk;
  cookies: GatewayCookies;
  ring: KeyRing;
  /** Whether the path rules let a return address of ours be asked for. */
  isReadable(url: string): boolean;
  emit: Emit;
  clock: Clock;
  random: Random;
}

type LoginsConfig = Pick<Config, 'endpoints' | 'publicUrl' | 'routes' | 'session'>;

/** What logins are made of, from the way to the provider to the session. Nothing of it outlives a configuration. */
export function openLogins(config: LoginsConfig, needs: LoginsNeeds): CallbackParts & ChoiceParts {
  const { providers, sessions, desk, cookies, ring, isReadable, claimPaths, idToken, ...rest } = needs;
  const returnOrigins = new Set(config.publicUrl);
  return {
    ...rest,
    prefix: config.endpoints.prefix,
    providers,
    sessions,
    cookies,
    isReadable,
    claimPaths,
    returnOrigins,
    loginStates: createLoginStates(ring, returnOrigins),
    loginCookies: createLoginCookies(cookies, ring),
    otherAccounts: createOtherAccounts(cookies, ring, needs.clock),
    rounds: createRounds(cookies, ring, needs.clock),
    usedStates: createUsedStates(desk),
    reachOf: (provider) => refreshReach(config.routes, provider),
    keepIdToken: (provider) => idToken || needsIdToken(provider),
    maxLifetime: config.session.maxLifetime,
  };
}

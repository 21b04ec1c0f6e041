import type { Clock } from '../clock.ts';
import type { Config, StepUpConfig } from '../config/schema/index.ts';
import type { ReadFile } from '../files.ts';
import type { Keep } from '../holdings.ts';
import type { Emit } from '../observe/events.ts';
import type { Random } from '../random.ts';
import type { GatewayCookies } from '../session/cookie-names.ts';
import type { KeyRing } from '../session/key-ring.ts';
import type { Sessions } from '../session/sessions.ts';
import type { ClaimDesk, Shared } from '../session/shared/shared.ts';
import type { Current } from '../session/standing.ts';
import { type BearerClients, openBearerClients } from './bearer/clients.ts';
import type { TokenLimits } from './bearer/token-limits.ts';
import { callerOfSession } from './caller.ts';
import type { ClaimNeeds } from './claim-paths.ts';
import { type Endpoint, type Logins, openEndpoints } from './endpoints.ts';
import { openLogins } from './login/open-logins.ts';
import { openSignOut } from './logout/open-sign-out.ts';
import type { Providers } from './provider/providers.ts';
import { openUpstreamTokens, type UpstreamTokens } from './upstream-token/tokens.ts';

/** Who asks, and how people come to be known. */
export interface Identity {
  logins: Logins;
  /** The gateway's own endpoints. */
  endpoints: readonly Endpoint[];
  /** Who has a session; undefined where its provider is not configured any more. */
  callerOf(current: Current): ReturnType<typeof callerOfSession>;
  /** Programs that bring an access token; undefined where none is accepted. */
  bearer: BearerClients | undefined;
  /** Access tokens for routes that give their upstream one of its own. */
  tokens: UpstreamTokens;
}

export interface IdentityNeeds {
  providers: Providers;
  sessions: Sessions;
  shared: Pick<Shared, 'once'> & ClaimDesk;
  cookies: GatewayCookies;
  ring: KeyRing;
  claims: ClaimNeeds;
  /** Whether the path rules let a return address on our own origins be asked for. */
  isReadable(url: string): boolean;
  /** What the route of a request asks of a sign-in. */
  findStepUp(url: string, method?: string): StepUpConfig | undefined;
  emit: Emit;
  clock: Clock;
  random: Random;
  keep: Keep;
  tokenLimits: TokenLimits;
  /** Gives the text of a file that the configuration names. */
  read: ReadFile;
}

/** Opens what a configuration says of people and programs. */
export function openIdentity(config: Config, needs: IdentityNeeds): Identity {
  const { providers, sessions, shared, cookies, ring, claims, isReadable, findStepUp } = needs;
  const { emit, clock, random, keep, read } = needs;
  const { once } = shared;
  const ofPeople = { providers, sessions, cookies, ring, isReadable, emit, clock, random };
  const signOut = openSignOut(config, { ...ofPeople, once });
  const logins = openLogins(config, { ...ofPeople, ...claims, findStepUp, keep, desk: shared });
  return {
    logins: {
      isPossible: providers.all.length > 0,
      start: logins.start,
      signedOutArrival: signOut.arrival,
    },
    endpoints: openEndpoints({ providers, sessions, logins, signOut }),
    callerOf: (current) => callerOfSession(providers, current),
    bearer: openBearerClients(config, {
      claimPaths: claims.claimPaths,
      once,
      emit,
      clock,
      random,
      keep,
      limits: needs.tokenLimits,
      read,
    }),
    tokens: openUpstreamTokens({ providers, sessions, shared, ring, emit, clock, random, keep }),
  };
}

import type { ErrorCode } from '../../errors.ts';

/** How two parts of a session are renewed, each at an endpoint of its own. */
export type RenewalName = 'refresh' | 'refresh of claims';

export type PersonEvent =
  /** Somebody has signed in; a session begins. */
  | ({
      kind: 'login-finished';
      provider: string;
      user: string | undefined;
      subject: string;
      sessionId: string;
    } & Asked)
  /**
   * A callback was refused with this code, which its request tells of too. `provider` is undefined where nobody can
   * tell whose login it was.
   */
  | ({ kind: 'login-failed'; provider: string | undefined; code: ErrorCode; error: unknown } & Asked)
  /** The provider did not take the authorization request, or not any more; the browser goes there anew. */
  | ({ kind: 'login-restarted'; provider: string } & Asked)
  /** A callback ends no login of its browser. */
  | ({ kind: 'login-late'; provider: string; reason: string; signedIn: boolean } & Asked)
  /** Tokens or claims of a session are new. */
  | {
      kind: 'refresh-finished';
      renewal: RenewalName;
      provider: string;
      subject: string;
      sessionId: string;
    }
  /** They are not. `retryAfter`, in seconds, where the provider is the cause and not this session. */
  | {
      kind: 'refresh-failed';
      renewal: RenewalName;
      provider: string;
      subject: string;
      sessionId: string;
      error: unknown;
      retryAfter?: number;
    }
  /** A session is over before its time. */
  | {
      kind: 'session-ended';
      provider: string;
      user?: string | undefined;
      subject: string;
      sessionId: string;
      /** Who has ended it; `replaced` where a newer copy of it goes on. */
      by: 'provider' | 'operator' | 'replaced';
      reason: string;
    }
  /**
   * Those who run the gateway have ended all sessions of a person, or one that is not listed; each that is listed has an
   * event of its own. `sessions`: how many these are; undefined where sessions are with the browsers.
   */
  | { kind: 'sessions-ended'; user?: string; sessionId?: string; sessions: number | undefined }
  /** A session does not fit into its cookies. `isKept`: it does without its ID token. */
  | {
      kind: 'session-too-large';
      provider: string;
      subject: string;
      sessionId: string;
      limit: number;
      isKept: boolean;
    }
  /** Somebody has signed out here. */
  | ({
      kind: 'signed-out';
      provider: string;
      user: string | undefined;
      subject: string;
      sessionId: string;
      everywhere: boolean;
    } & Asked)
  /** The cookie is gone, and yet a copy of it may live on. */
  | ({
      kind: 'sign-out-not-kept';
      provider?: string;
      user?: string | undefined;
      subject?: string;
      sessionId?: string;
      error: unknown;
    } & Asked)
  /** The provider could not be told that a token is done with. */
  | ({
      kind: 'token-not-revoked';
      provider: string;
      token: 'access_token' | 'refresh_token';
      error: unknown;
    } & Partial<Asked>)
  /** The person stays signed in at the provider. */
  | ({ kind: 'logout-address-failed'; provider: string; error: unknown } & Partial<Asked>)
  /** A provider has ended sessions, from server to server. `by` is what names them; `subject` where that is a person. */
  | ({ kind: 'back-channel-logout'; provider: string; by: string; subject: string | undefined } & Asked)
  /** A provider has ended a session through the browser. */
  | ({ kind: 'front-channel-logout'; provider: string; origin: string } & Asked);

/** The request at which something happens; `client` is undefined where the front does not say it. */
export interface Asked {
  requestId: string;
  client: string | undefined;
  traceId?: string | undefined;
}

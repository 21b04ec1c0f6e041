import type { Session } from '../../src/session/session.ts';

/** A session of somebody, with nothing but an access token that no one knows the end of. */
export const bareSession = (more: Partial<Session> = {}): Session => ({
  id: 'i',
  provider: 'default',
  subject: 'ada',
  providerSessionId: undefined,
  claims: {},
  fetchedClaims: [],
  claimsRefreshAt: undefined,
  accessToken: 'access',
  accessTokenExpiresAt: undefined,
  refreshAt: undefined,
  refreshToken: undefined,
  dpopKey: undefined,
  idToken: undefined,
  createdAt: 0,
  seenAt: 0,
  expiresAt: 0,
  ...more,
});

import type { PersonEvent } from '../../events/people.ts';
import type { LinesOf } from './line.ts';

const tooLarge = 'the session is too large for session.maxCookieBytes';
const askForLess = 'Ask for fewer groups or scopes, or keep sessions in Redis (session.store)';

export const personLines = {
  'login-finished': {
    level: 'info',
    message: 'login',
    fields: ['requestId', 'provider', 'subject', 'client'],
  },
  // Its request is refused with the same code and reason.
  'login-failed': null,
  'login-restarted': {
    level: 'info',
    message: 'the provider did not take the authorization request; the login begins again',
    fields: ['requestId', 'provider'],
  },
  'login-late': {
    level: 'info',
    message: 'a login came back late',
    fields: ['requestId', 'provider', 'reason', 'signedIn'],
  },
  'refresh-finished': { level: 'info', message: ({ renewal }) => renewal, fields: ['provider', 'subject'] },
  'refresh-failed': {
    level: 'warn',
    message: ({ renewal }) => `${renewal} failed`,
    fields: ['provider', 'subject', 'reason', 'retryAfter'],
  },
  'session-ended': { level: 'info', message: 'session ended', fields: ['provider', 'subject', 'reason'] },
  'sessions-ended': {
    level: 'info',
    message: 'sessions ended by those who run the gateway',
    fields: ['user', 'sessionId', 'sessions'],
  },
  'session-too-large': {
    level: 'warn',
    message: ({ isKept }) =>
      isKept ? `${tooLarge}: its ID token was left out. ${askForLess}` : `${tooLarge}. ${askForLess}`,
    fields: ['provider', 'subject', 'limit'],
  },
  'signed-out': {
    level: 'info',
    message: 'logout',
    fields: ['requestId', 'provider', 'subject', 'client', 'everywhere'],
  },
  'sign-out-not-kept': {
    level: 'error',
    message: 'logout was not written down',
    fields: ['requestId', 'provider', 'subject', 'reason'],
  },
  'token-not-revoked': {
    level: 'warn',
    message: 'a token could not be revoked',
    fields: ['requestId', 'provider', 'token', 'reason'],
  },
  'logout-address-failed': {
    level: 'warn',
    message: 'the logout address could not be built',
    fields: ['requestId', 'provider', 'reason'],
  },
  'back-channel-logout': {
    level: 'info',
    message: 'back-channel logout',
    fields: ['requestId', 'provider', 'by', 'client'],
  },
  'front-channel-logout': {
    level: 'info',
    message: 'front-channel logout',
    fields: ['requestId', 'provider', 'origin', 'client'],
  },
} satisfies LinesOf<PersonEvent>;

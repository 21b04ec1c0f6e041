import type { ProviderEvent } from '../../events/providers.ts';
import type { LinesOf } from './line.ts';

export const providerLines = {
  'provider-called': null,
  'provider-found': { level: 'info', message: 'provider found', fields: ['provider', 'issuer'] },
  'provider-not-found': {
    level: 'warn',
    message: ({ isKnown }) =>
      isKnown
        ? 'provider metadata could not be refreshed; the known metadata stays in use'
        : 'provider not found',
    fields: ['provider', 'issuer', 'reason', 'retryMs'],
  },
  'provider-lacks': {
    level: 'warn',
    message: 'the provider does not offer what is configured',
    fields: ['provider', 'reason'],
  },
  'provider-unnamed': {
    level: 'warn',
    message:
      'this provider does not name itself in its answers: where you do not trust all providers alike, set its ownCallback, and register that redirect URI',
    fields: ['provider'],
  },
  'client-rejected': {
    level: 'error',
    message: 'the provider does not accept the gateway as its client',
    fields: ({ provider, endpoint, status, reason, lookAt }) => ({
      code: 'client_rejected',
      provider,
      endpoint,
      status,
      reason,
      lookAt,
    }),
  },
  'claims-not-refreshed': {
    level: 'warn',
    message: 'claims could not be refreshed',
    fields: ['provider', 'reason'],
  },
  'claims-missing': {
    level: 'warn',
    message: ({ from }) => `${from} failed; its claims are missing`,
    fields: ['requestId', 'provider', 'reason'],
  },
  'claim-absent': {
    level: 'warn',
    message: ({ claim }) =>
      `rules or headers name the claim ${claim}, and neither the ID token nor userinfo has it: ask for its scope, or have the provider add it`,
    fields: ['requestId', 'provider', 'claim'],
  },
  'clock-differs': {
    level: 'error',
    message: ({ seconds }) =>
      `this machine's clock and that of the provider differ by ${Math.abs(seconds)} seconds: this one is ${seconds > 0 ? 'behind' : 'ahead'}`,
    fields: ['requestId', 'provider', 'seconds'],
  },
  'claim-source-doubted': {
    level: 'warn',
    message: 'claim source',
    fields: ['requestId', 'provider', 'reason'],
  },
  'groups-doubted': {
    level: 'warn',
    message: ({ advice }) => advice,
    fields: ['requestId', 'provider', 'claim'],
  },
  'provider-sends-no-sid': {
    level: 'warn',
    message:
      'the provider sends no sid: its logouts end every session of a person, or the one whose cookie comes along',
    fields: ['requestId', 'provider'],
  },
  'upstream-token-taken': { level: 'debug', message: 'upstream token', fields: ['provider', 'way'] },
  'upstream-token-failed': {
    level: 'warn',
    message: ({ retryAfter }) =>
      retryAfter === undefined ? 'no upstream token' : 'no upstream token: the provider is out',
    fields: ['provider', 'way', 'reason', 'retryAfter'],
  },
  'upstream-token-not-renewed': {
    level: 'debug',
    message: 'an upstream token could not be renewed yet',
    fields: ['reason'],
  },
} satisfies LinesOf<ProviderEvent>;

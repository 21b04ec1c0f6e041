import type { Told, ToldOf } from '../events.ts';
import { routeOf, targetOf } from '../facts.ts';
import { logSchemaVersion } from './log-schema.ts';
import type { Level } from './log-writer.ts';

/** How an event is written. */
export type Line<E> = {
  level: Level | ((event: E) => Level);
  message: string | ((event: E) => string);
  /** Which of its fields, in the order in which they stand; what is undefined is left out. */
  fields: readonly (keyof E & string)[] | ((event: E) => Readonly<Record<string, unknown>>);
};

/** Null for what has no line: it is for other sinks. `request` for the lines of requests, which `log.ts` writes. */
type Lines = { [K in Told['kind']]: Line<ToldOf<K>> | null | 'request' };

const tooLarge = 'the session is too large for session.maxCookieBytes';
const askForLess = 'Ask for fewer groups or scopes, or keep sessions in Redis (session.store)';

/** The line of each kind of event. */
export const lines = {
  'request-finished': 'request',
  'request-left': 'request',
  'websocket-closed': 'request',
  'request-refused': {
    level: ({ code, status }) => {
      if (code === 'internal' || code === 'client_rejected') return 'error';
      // As it was asked for.
      if (code === 'maintenance') return 'info';
      return status >= 500 ? 'warn' : 'info';
    },
    message: ({ code, status }) => {
      if (code === 'internal') return 'internal error';
      return status >= 500 && code !== 'maintenance' ? 'failed' : 'refused';
    },
    // Which application it is, for a log without the lines of requests.
    fields: ({ requestId, code, status, client, subject, exchange, path, reason, stack }) => ({
      requestId,
      code,
      status,
      client,
      subject,
      route: routeOf(exchange),
      target: targetOf(exchange),
      path,
      reason,
      stack,
    }),
  },

  'requests-limited': {
    level: 'warn',
    message: 'requests were refused: there were too many',
    fields: ({ limit, client, refused }) => ({ limit, peer: client, refused }),
  },

  'clients-exempt': {
    level: 'info',
    message: 'limits by client do not count everybody',
    fields: ['who'],
  },

  listening: { level: 'info', message: 'listening', fields: ['listen', 'admin', 'publicUrl'] },
  reloaded: { level: 'info', message: 'reloaded', fields: ['by', 'config'] },
  'reload-refused': {
    level: 'error',
    message: 'reload refused; the configuration in force stays',
    fields: ['by', 'problems'],
  },
  'reload-off': {
    level: 'warn',
    message: 'reload is off, so the configuration in force stays',
    fields: ['by'],
  },
  'listener-failed': {
    level: 'error',
    message: 'an address cannot be listened on',
    fields: ['listen', 'reason'],
  },
  'keys-fixed': {
    level: 'warn',
    message: 'these keys stay as they were until the gateway is started anew',
    fields: ['keys'],
  },
  'admin-port-taken': {
    level: 'warn',
    message: 'the standard port of the admin endpoints is taken; running without them (set admin.listen)',
    fields: ['port'],
  },
  'admin-call': {
    level: ({ status }) => (status === 401 || status === 403 || status === 421 ? 'warn' : 'info'),
    message: 'admin',
    fields: ({ client, method, path, status }) => ({ peer: client, method, path, status }),
  },
  'admin-call-failed': { level: 'error', message: 'an admin call failed', fields: ['path', 'reason'] },
  'silent-connection-closed': {
    level: 'info',
    message: 'a silent connection was closed',
    fields: ({ client, limit }) => ({ peer: client, limit }),
  },
  'pipelining-connection-closed': {
    level: 'info',
    message: 'a connection was closed: its client sends requests and does not wait for answers',
    fields: ({ client, waiting }) => ({ peer: client, waiting }),
  },
  'connections-turned-away': {
    level: 'warn',
    message: 'connections were turned away: the limit of open files is nearly reached (ulimit -n)',
    fields: ['dropped', 'connections', 'openFiles'],
  },
  'connections-limited': {
    level: 'warn',
    message: 'connections were closed: there were too many',
    fields: ({ limit, client, refused }) => ({ limit, peer: client, refused }),
  },
  'connections-left-open': {
    level: 'warn',
    message: 'connections were still open at the end of the grace period',
    fields: ['connections'],
  },
  'certificate-reloaded': { level: 'info', message: 'certificate reloaded', fields: ['cert'] },
  'certificate-unusable': {
    level: 'error',
    message: 'the new certificate cannot be used',
    fields: ['cert', 'reason'],
  },
  'certificate-expiring': {
    level: ({ standing }) => (standing === 'ending' ? 'warn' : 'error'),
    message: ({ standing }) => {
      if (standing === 'ended') return 'a certificate has ended: renew it';
      return standing === 'ending'
        ? 'a certificate ends soon: renew it'
        : 'a certificate is not valid yet: is the clock right?';
    },
    fields: ['key', 'cert', 'names', 'notBefore', 'notAfter', 'daysLeft'],
  },
  'target-repaired': {
    level: 'warn',
    message: 'answers of this target are repaired from now on',
    fields: ['target', 'reason'],
  },
  'target-out': {
    level: 'warn',
    message: 'a target is left out while there are others',
    fields: ['target', 'reason'],
  },
  'target-back': { level: 'info', message: 'a target that was left out serves again', fields: ['target'] },

  starting: {
    level: 'info',
    message: 'starting',
    fields: ({ config, workers }) => ({ config, workers, schema: logSchemaVersion }),
  },
  'configuration-doubted': { level: 'warn', message: ({ warning }) => warning, fields: [] },
  draining: { level: 'info', message: 'draining', fields: [] },
  stopping: { level: 'info', message: 'stopping', fields: ['signal'] },
  stopped: { level: 'info', message: 'stopped', fields: [] },
  'stopping-failed': { level: 'error', message: 'stopping failed', fields: ['reason'] },
  'part-not-closed': { level: 'error', message: 'a part of the gateway did not close', fields: ['reason'] },
  'worker-replaced': {
    level: 'info',
    message: 'a worker was asked to stop; another is started',
    fields: ['pid'],
  },
  'worker-stuck': { level: 'error', message: 'a worker is stuck; it is ended', fields: ['pid'] },
  'worker-behind': {
    level: 'error',
    message: 'a worker cannot take up the configuration in force; it is ended',
    fields: ['pid', 'reason'],
  },
  'worker-ended': {
    level: 'error',
    message: 'a worker ended; another is started',
    fields: ['pid', 'code', 'signal', 'pauseMs'],
  },
  'worker-overdue': {
    level: 'error',
    message: 'a worker did not stop in time; it is ended',
    fields: ['pid'],
  },
  'log-lines-dropped': {
    level: 'warn',
    message: 'lines of the log were dropped',
    fields: ['lines', 'reason'],
  },
  'audit-not-written': {
    level: 'error',
    message: 'the audit cannot be written; its lines wait',
    fields: ['reason', 'waiting'],
  },
  'audit-written': {
    level: ({ lost }) => (lost > 0 ? 'error' : 'info'),
    message: ({ lost }) =>
      lost > 0 ? 'the audit is written again; lines of it are lost' : 'the audit is written again',
    fields: ['reason', 'lost'],
  },
  'traces-not-exported': {
    level: 'warn',
    message: 'traces do not reach the collector, and are lost',
    fields: ['collector', 'reason'],
  },
  'traces-exported': {
    level: 'info',
    message: 'traces reach the collector again',
    fields: ['collector', 'lost'],
  },
  'sink-failed': {
    level: 'error',
    message: 'a sink of events failed; what it says may be incomplete',
    fields: ['sink', 'reason'],
  },

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

  'store-asked': null,
  'sessions-in-memory': {
    level: 'warn',
    message: 'sessions are kept in memory: a restart of the gateway signs everybody out',
    fields: [],
  },
  'store-out': {
    level: 'warn',
    message: ({ concerns }) => (concerns === 'writes' ? 'Redis takes no writes' : 'Redis is not reachable'),
    fields: ['reason'],
  },
  'store-back': { level: 'info', message: 'Redis is reachable', fields: [] },
  'store-refused': { level: 'warn', message: 'Redis refused a command', fields: ['reason'] },
  'sign-outs-not-loaded': { level: 'warn', message: 'sign-outs were not loaded', fields: ['reason'] },
  'refresh-not-shared': {
    level: 'warn',
    message: 'a refresh could not be shared with other instances yet',
    fields: ['reason'],
  },
} satisfies Lines;

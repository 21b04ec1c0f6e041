import type { ErrorCode } from '../../errors.ts';
import type { AuditEvent } from '../audit-events.ts';
import type { AuditFields } from '../audit-schema.ts';
import type { Told, ToldOf } from '../events.ts';
import { decisionOf, reasonOf, routeOf, userOf } from '../facts.ts';
import type { ObservedExchange } from '../observed-exchange.ts';

/** What the audit tells of an event; undefined for nothing. */
type Row<E> = (event: E) => AuditFields | undefined;

type Rows = { [K in Told['kind']]?: Row<ToldOf<K>> };

/**
 * Whether anybody can bring it about as often as they like. The rest takes a new sign-in each time, or is done by those
 * who run the gateway.
 */
export function isRepeatable({ event, by, status = 0 }: AuditFields): boolean {
  switch (event) {
    case 'login_failed':
    case 'access_denied':
    case 'bearer_rejected':
    case 'sign_out_not_kept':
    case 'logout_token_rejected':
      return true;
    case 'session_ended':
    case 'sessions_ended':
      return by === 'refresh' || by === 'provider_front_channel';
    case 'admin_call':
      return status >= 400;
    default:
      return false;
  }
}

/** What of an event goes into a line as it is. */
type Same = 'requestId' | 'client' | 'user' | 'subject' | 'provider' | 'sessionId';
type Whose = { readonly [Field in Same]?: string | undefined };

const whose = ({ requestId, client, user, subject, provider, sessionId }: Whose) => ({
  requestId,
  client,
  user,
  subject,
  provider,
  sessionId,
});

/** The refusals that are told of under another name than that of a 403. */
const eventOfCode: { readonly [Code in ErrorCode]?: AuditEvent | null } = {
  token_invalid: 'bearer_rejected',
  step_up_required: 'access_denied',
  logout_token_invalid: 'logout_token_rejected',
  // These end a login, which has an event of its own.
  login_not_admitted: null,
  step_up_failed: null,
};

function refused(event: ToldOf<'request-refused'>): AuditFields | undefined {
  const { exchange, requestId, client, subject, code, status } = event;
  const named = eventOfCode[code];
  const name = named === undefined && status === 403 ? 'access_denied' : named;
  if (!name) return undefined;
  const { person, session, method, destination } = exchange;
  const rule = ruleOf(exchange);
  return {
    event: name,
    ...whose({
      requestId,
      client,
      user: userOf(exchange),
      subject,
      provider: session?.provider ?? person?.provider,
      sessionId: session?.id,
    }),
    method: method || undefined,
    path: 'error' in destination ? undefined : destination.target.path,
    route: routeOf(exchange),
    code,
    rule,
    status,
    reason: event.reason === rule ? undefined : event.reason,
  };
}

/** Undefined where no rule has refused it. */
function ruleOf(exchange: ObservedExchange): string | undefined {
  const decision = decisionOf(exchange);
  return decision === 'deny' || decision === 'step-up' ? reasonOf(exchange) : undefined;
}

/** Of the kinds that are not here, the audit never tells. */
export const auditRows = {
  'login-finished': (event) => ({ event: 'login', ...whose(event) }),
  'login-failed': ({ code, reason, ...event }) => ({ event: 'login_failed', ...whose(event), code, reason }),
  'request-refused': refused,
  'signed-out': ({ everywhere, ...event }) => ({
    event: 'sign_out',
    ...whose(event),
    by: 'person',
    everywhere,
  }),
  'sign-out-not-kept': ({ reason, ...event }) => ({
    event: 'sign_out_not_kept',
    ...whose(event),
    by: 'person',
    reason,
  }),
  'session-ended': ({ reason, by, ...event }) => ({
    event: 'session_ended',
    ...whose(event),
    reason,
    by: by === 'operator' ? by : 'refresh',
  }),
  'sessions-ended': ({ sessions, ...event }) => ({
    event: 'sessions_ended',
    ...whose(event),
    by: 'operator',
    sessions,
  }),
  'back-channel-logout': (event) => ({
    event: 'sessions_ended',
    ...whose(event),
    by: 'provider_back_channel',
  }),
  'front-channel-logout': (event) => ({
    event: 'sessions_ended',
    ...whose(event),
    by: 'provider_front_channel',
  }),
  reloaded: ({ by, config }) => ({ event: 'reload', by, config }),
  'reload-refused': ({ by, problems }) => ({ event: 'reload_refused', reason: problems.join(' '), by }),
  'reload-off': ({ by }) => ({ event: 'reload_refused', reason: '`reload` is off', by }),
  'admin-call': ({ client, method, path, status }) => ({
    event: 'admin_call',
    client,
    method,
    path,
    status,
  }),
  'audit-written': ({ lost, reason }) => (lost > 0 ? { event: 'lines_lost', reason, lost } : undefined),
} satisfies Rows;

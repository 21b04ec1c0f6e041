/** What the audit tells of: the `event` of a line, which `audit.include` goes by too, and when there is one. */
export const auditEvents = {
  login: 'somebody has signed in; a session begins',
  login_failed: 'a callback of the provider was refused, with the `code` that the person saw',
  access_denied:
    'somebody may not pass: an answer 403, or a stronger sign-in that was asked for (`step_up_required`)',
  bearer_rejected: 'an access token was not accepted: an answer 401 `token_invalid`',
  sign_out: 'somebody has signed out here',
  sign_out_not_kept:
    'the same, and it could not be written down: the cookie is gone, and a copy of it may live on',
  session_ended:
    'one session is over before its time; `by` is `operator`, or `refresh` where the provider did not renew it',
  sessions_ended:
    'all sessions of a person or of a sign-in at the provider; `by` is `operator`, `provider_back_channel` or `provider_front_channel`',
  logout_token_rejected: 'a back-channel logout was refused: its token is not good',
  reload: 'another configuration is in force; `by` is `SIGHUP`, `watch` or `admin`',
  reload_refused: 'a configuration was refused, or `reload` is off; the one before stays',
  admin_call:
    'somebody asked the admin listener for what changes something or names people, with the `status` of the answer; who was refused there, too',
  lines_lost: 'the audit could not be written for a while, and so many lines are missing here',
} as const;

export type AuditEvent = keyof typeof auditEvents;

/** Their names, in the order of the documentation. */
export const auditEventNames = Object.keys(auditEvents) as [AuditEvent, ...AuditEvent[]];

/** What the configuration says of the audit. */
export interface AuditOptions {
  /** The file that lines are appended to; standard output when undefined. */
  file?: string | undefined;
  /** All of them when undefined. */
  include?: readonly AuditEvent[] | undefined;
}

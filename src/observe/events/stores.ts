/** What of Redis is asked. */
export type StoreOperation =
  | 'session-get'
  | 'session-set'
  | 'session-touch'
  | 'session-delete'
  | 'claim'
  | 'turn-look'
  | 'turn-take'
  | 'turn-renew'
  | 'turn-release'
  | 'turn-mark'
  | 'turn-post'
  | 'listing'
  | 'sign-outs'
  | 'count'
  | 'other';

export type StoreEvent =
  /** Redis has answered a command, or has not. Only for sinks that want it. */
  | { kind: 'store-asked'; operation: StoreOperation; outcome: 'ok' | 'failed'; ms: number }
  /** A restart of the gateway signs everybody out. */
  | { kind: 'sessions-in-memory' }
  /** Redis takes no commands, or none that write. */
  | { kind: 'store-out'; concerns: 'all' | 'writes'; reason: string }
  /** Redis takes all commands again. */
  | { kind: 'store-back' }
  /** Redis takes commands, and does not pass on what instances tell each other. */
  | { kind: 'store-deaf'; error: unknown }
  /** It does so again. */
  | { kind: 'store-heard' }
  /** Redis takes commands, but not this one. */
  | { kind: 'store-refused'; reason: string }
  /** What others have signed out is not known yet. */
  | { kind: 'sign-outs-not-loaded'; error: unknown }
  /** The outcome of a refresh is known to this process alone. */
  | { kind: 'refresh-not-shared'; error: unknown };

/** How a gateway stands, for those who ask whether requests should be sent to it. */
export interface Health {
  /** Requests with a session are served as they should be. */
  ready: boolean;
  /** What is missing for that, in sentences without names of people, paths or addresses; empty when ready. */
  missing: readonly string[];
  /** What does not work though requests with a session are served, such as new logins. */
  degraded: readonly Degraded[];
}

/** The health of something of which nothing but these is known. */
export const healthOf = (missing: readonly string[], degraded: readonly Degraded[] = []): Health => ({
  ready: missing.length === 0,
  missing,
  degraded,
});

/** Something that does not work, while requests with a session do. */
export interface Degraded {
  /** A stable name that programs and runbooks go by, such as `provider_unreachable`. */
  reason: string;
  /** Which one, by its name in the configuration, such as that of a provider; undefined where there is only one. */
  name?: string;
  /** For people to read, without names of people, paths or addresses. */
  detail: string;
}

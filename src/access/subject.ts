/** What rules may ask about somebody who is signed in, or a client with an access token of its own. */
export interface Person {
  /** The name of the provider that says who it is. */
  provider: string | undefined;
  user: string;
  email: string | undefined;
  /** For people to read. */
  name: string | undefined;
  /** False only where the provider says that the address is not verified. */
  emailVerified: boolean;
  groups: readonly string[];
  /** Claims by their dotted path. */
  claims: Readonly<Record<string, unknown>>;
  /** A client that brought an access token, rather than somebody with a session. */
  bearer: boolean;
  /** What the access token that a client brought is good for; none for sessions. */
  scopes: readonly string[];
}

/** The sender of a request, as rules see it. */
export interface Subject {
  person: Person | undefined;
  /** The sender's address; undefined where a front does not say it. */
  clientAddress: string | undefined;
  /** Seconds since the epoch; without it no sign-in is young enough. */
  now?: number;
}

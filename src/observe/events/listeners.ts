export type ListenerEvent =
  /**
   * Limits by client do not count everybody: behind some addresses are many, or nobody says who. It is told at the start,
   * and again where a reload has changed it; `who` is empty where everybody counts from then on.
   */
  | { kind: 'clients-exempt'; who: readonly string[] }
  /** The gateway takes requests. */
  | {
      kind: 'listening';
      listen: readonly string[] | string | undefined;
      admin: string | undefined;
      publicUrl: readonly string[];
    }
  /** An address that another one had until then could not be listened on. */
  | { kind: 'listener-failed'; listen: string | undefined; error: unknown }
  /** Another process has the port of the admin endpoints, which was not chosen; they are left out. */
  | { kind: 'admin-port-taken'; port: number }
  /** Somebody asked the admin listener for what changes something or names people, and was refused or not. */
  | { kind: 'admin-call'; client: string; method: string; path: string; status: number }
  /** What was asked for failed. */
  | { kind: 'admin-call-failed'; path: string; error: unknown }
  /** A connection was silent for longer than it may be. */
  | { kind: 'silent-connection-closed'; client: string; limit: string }
  /** A client sends one request after the other and takes no answers. */
  | { kind: 'pipelining-connection-closed'; client: string; waiting: number }
  /** New connections were closed at once, to keep descriptors for those that are open. */
  | { kind: 'connections-turned-away'; dropped: number; connections: number; openFiles: number }
  /** The same by a limit of the configuration; see `requests-limited`. */
  | { kind: 'connections-limited'; limit: string; client: string | undefined; refused: number }
  /** The grace period has ended; what was open is cut. */
  | { kind: 'connections-left-open'; connections: number }
  /** A renewed certificate is in use. */
  | { kind: 'certificate-reloaded'; cert: string }
  /** The files of a renewed certificate don't fit; the one in use stays. */
  | { kind: 'certificate-unusable'; cert: string; error: unknown }
  /**
   * A certificate that the configuration names ends soon, has ended, or is not valid yet. Said once a day for each, by
   * one process of a gateway. `names` is whom it names, `cert` its file.
   */
  | {
      kind: 'certificate-expiring';
      key: string;
      cert: string | undefined;
      names: string;
      standing: 'ending' | 'ended' | 'not-yet-valid';
      notBefore: string | undefined;
      notAfter: string | undefined;
      daysLeft: number;
    };

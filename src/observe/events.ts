import type { ErrorCode, GatewayError } from '../errors.ts';
import type { Trace } from './trace.ts';

/**
 * Everything that happens in the gateway, as values. Whoever does something emits what came of it and knows nobody
 * who listens; the log is one sink of several (src/observe/sinks). A new kind is a member of the union here and a line
 * in the table of the log.
 *
 * Names mean the same in every event: `provider`, `target` and `route` are names of the configuration, of which there
 * are few; `subject` is a person and `client` an address, of which there are many; `…Ms` is a duration in milliseconds,
 * as exact as the clock. `error` is whatever was thrown: sinks get its description in its place, without secrets.
 */
export type Event = RequestEvent | ListenerEvent | ProcessEvent | PersonEvent | ProviderEvent | StoreEvent;

/** Says that something has happened. It never throws, and does not wait for anybody. */
export type Emit = (event: Event) => void;

/**
 * A request, as sinks may look at it: the thing itself, of which nothing is copied for an event. A sink reads what it
 * needs at once, since the request goes on; `facts.ts` reads it. The query stays out of whatever is made of it, since it
 * may hold secrets. Times are milliseconds of the monotonic clock.
 */
export interface ObservedExchange {
  requestId: string;
  /** The request target as it came. */
  rawTarget: string;
  /** The method that is decided on; of the question of a proxy, that of what it asks about. Empty where nobody read it. */
  method: string;
  request: ObservedRequest;
  peer: { address: string; clientAddress?: string | undefined };
  /** The trace that it belongs to; undefined where there is none. */
  trace?: Trace | undefined;
  /** The path of the gateway's own endpoint that it came to, if there is one. */
  endpoint?: string | undefined;
  subject: string | undefined;
  person: { user: string; bearer: boolean; provider: string | undefined } | undefined;
  /** The session that it came with, where it has one; its id opens nothing. */
  session: { readonly id: string; readonly provider: string } | undefined;
  /** One of many, which have an event of their own from time to time: no line is written for it. */
  isTurnedAway?: boolean;
  destination:
    | {
        target: { path: string; host: string };
        /** The public origin that it came to. */
        origin?: string;
        resolution: { kind: 'endpoint' } | { kind: 'route'; route: { label: string } };
      }
    | { error: unknown };
  /** Undefined until it was decided on. */
  via: 'http' | 'upgrade' | 'question' | undefined;
  outcome: ObservedOutcome | undefined;
  /** Its way upstream, where it has one. */
  passage: ObservedPassage | undefined;
  /** When it came; when the form of an endpoint had come, and when the gateway's own answer was written, if they were. */
  startedAt: number;
  formAt: number | undefined;
  answeredAt: number | undefined;
  /** Bytes of that form, and of the body of that answer. */
  formBytes: number;
  answerBytes: number;
}

/** A request as it came. Of what is no HTTP there is nothing. */
export interface ObservedRequest {
  httpVersion?: string;
  headers?: Readonly<Record<string, string | string[] | undefined>>;
  rawHeaders?: readonly string[];
}

/** What was decided. What `facts.ts` makes of it is bounded, and no data of a person. */
export interface ObservedOutcome {
  kind: 'forward' | 'login' | 'step-up' | 'answer' | 'refuse';
  reason: string;
  /** Of a refusal: which decision it comes from; undefined where it was none of a rule. */
  decision?: 'deny' | 'step-up' | undefined;
  error?: unknown;
}

/** The way of a request upstream. Times are milliseconds of the monotonic clock. */
export interface ObservedPassage {
  /** The target that was asked last, as it was configured. */
  readonly target?: string | undefined;
  /** When it went upstream for the first time. */
  readonly sentAt?: number | undefined;
  /** When the head of the answer was there. */
  readonly headAt?: number | undefined;
  /** When that head went on to the client. */
  readonly beganAt?: number | undefined;
  /** When the answer had ended, or broke. */
  readonly endedAt?: number | undefined;
  /** Bytes of the body that were read from the client, and of the answer's that were handed on to it. */
  readonly bytesIn?: number | undefined;
  readonly bytesOut?: number | undefined;
  readonly isEventStream?: boolean | undefined;
}

/** The status of a request whose client left before there was an answer; as nginx writes it. */
export const clientLeft = 499;

export type RequestEvent =
  /** An answer has ended, or its client has gone. Once for each request, so nothing is made for it. */
  | { kind: 'request-finished'; exchange: ObservedExchange; status: number; durationMs: number }
  /** The client of a handshake left before the answer. */
  | { kind: 'request-left'; exchange: ObservedExchange; durationMs: number }
  /** A WebSocket that was open is closed. `durationMs` counts from its handshake. */
  | { kind: 'websocket-closed'; exchange: ObservedExchange; durationMs: number }
  /** A request was refused, or something failed on its way; its answer has an event of its own. */
  | { kind: 'request-refused'; exchange: ObservedExchange; error: GatewayError }
  /**
   * So many requests were refused by a limit, since the last time that this was said. `client` is an address, of IPv6 a
   * /64, or `others` for those who are too many to be told apart; undefined where people are counted, not clients.
   */
  | { kind: 'requests-limited'; limit: string; client: string | undefined; refused: number };

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
  /** Another configuration was adopted, and these of its keys need a start. */
  | { kind: 'keys-fixed'; keys: readonly string[] }
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
    }
  /** A target sends answers that need repair before they can be read. */
  | { kind: 'target-repaired'; target: string; reason: string }
  /** A target is left out for a while, since it cannot be reached, or fails. Said once until it is back. */
  | { kind: 'target-out'; target: string; reason: string }
  /** One of these serves again. */
  | { kind: 'target-back'; target: string };

export type ProcessEvent =
  /** The process begins. `config` is the file that was read, or `environment`. */
  | { kind: 'starting'; config: string; workers: number }
  /** Something in the configuration is allowed and yet likely a mistake, as a sentence. */
  | { kind: 'configuration-doubted'; warning: string }
  /** The configuration was read again and is in force. `by` says what asked for it. */
  | { kind: 'reloaded'; by: string; config: string }
  /** The configuration that was read cannot be used, for these problems; the one before stays in force. */
  | { kind: 'reload-refused'; by: string; problems: readonly string[] }
  /** Somebody asked for a reload, which the configuration turns off. */
  | { kind: 'reload-off'; by: string }
  /** Others are to take over: it is not ready any more, and goes on with what is open. */
  | { kind: 'draining' }
  | { kind: 'stopping'; signal: string }
  | { kind: 'stopped' }
  | { kind: 'stopping-failed'; reason: string }
  /** Something that no plan needs any more could not be closed. */
  | { kind: 'part-not-closed'; error: unknown }
  /** A worker was told to end by somebody else. */
  | { kind: 'worker-replaced'; pid: number | undefined }
  /** A worker does not answer any more. */
  | { kind: 'worker-stuck'; pid: number | undefined }
  /** A worker could not go on to the configuration in force, as the others did. */
  | { kind: 'worker-behind'; pid: number | undefined; error: unknown }
  /** A worker ended by itself. `pauseMs` is how long its successor waits. */
  | {
      kind: 'worker-ended';
      pid: number | undefined;
      code: number | null;
      signal: string | null;
      pauseMs: number;
    }
  /** A worker was asked to stop and is still there. */
  | { kind: 'worker-overdue'; pid: number | undefined }
  /** Nobody reads the output as fast as it is written. */
  | { kind: 'log-lines-dropped'; lines: number; reason: string }
  /** The audit cannot be written; its lines wait. Said again from time to time while that lasts. */
  | { kind: 'audit-not-written'; reason: string; waiting: number }
  /** It can be written again. `lost`: the lines for which there was no room meanwhile. */
  | { kind: 'audit-written'; reason: string; lost: number }
  /** Spans did not reach the collector, whose origin this is, and are lost. Said once until they do. */
  | { kind: 'traces-not-exported'; collector: string | undefined; error: unknown }
  /** They do again; so many were lost, those for which there was no room among them. */
  | { kind: 'traces-exported'; collector: string | undefined; lost: number }
  /** A sink threw. Said once for each sink, to the others. */
  | { kind: 'sink-failed'; sink: string; error: unknown };

/** How two parts of a session are renewed, each at an endpoint of its own. */
export type Renewal = 'refresh' | 'refresh of claims';

export type PersonEvent =
  /** Somebody has signed in; a session begins. */
  | ({
      kind: 'login-finished';
      provider: string;
      user: string | undefined;
      subject: string;
      sessionId: string;
    } & Asked)
  /**
   * A callback was refused with this code, which its request tells of too. `provider` is undefined where nobody can
   * tell whose login it was.
   */
  | ({ kind: 'login-failed'; provider: string | undefined; code: ErrorCode; error: unknown } & Asked)
  /** The provider did not take the authorization request, or not any more; the browser goes there anew. */
  | ({ kind: 'login-restarted'; provider: string } & Asked)
  /** A callback ends no login of its browser. */
  | ({ kind: 'login-late'; provider: string; reason: string; signedIn: boolean } & Asked)
  /** Tokens or claims of a session are new. */
  | {
      kind: 'refresh-finished';
      renewal: Renewal;
      provider: string;
      subject: string;
      sessionId: string;
    }
  /** They are not. `retryAfter`, in seconds, where the provider is the cause and not this session. */
  | {
      kind: 'refresh-failed';
      renewal: Renewal;
      provider: string;
      subject: string;
      sessionId: string;
      error: unknown;
      retryAfter?: number;
    }
  /** A session is over before its time. */
  | {
      kind: 'session-ended';
      provider: string;
      user?: string | undefined;
      subject: string;
      sessionId: string;
      /** Who has ended it; `replaced` where a newer copy of it goes on. */
      by: 'provider' | 'operator' | 'replaced';
      reason: string;
    }
  /**
   * Those who run the gateway have ended all sessions of a person, or one that is not listed; each that is listed has an
   * event of its own. `sessions`: how many these are; undefined where sessions are with the browsers.
   */
  | { kind: 'sessions-ended'; user?: string; sessionId?: string; sessions: number | undefined }
  /** A session does not fit into its cookies. `isKept`: it does without its ID token. */
  | {
      kind: 'session-too-large';
      provider: string;
      subject: string;
      sessionId: string;
      limit: number;
      isKept: boolean;
    }
  /** Somebody has signed out here. */
  | ({
      kind: 'signed-out';
      provider: string;
      user: string | undefined;
      subject: string;
      sessionId: string;
      everywhere: boolean;
    } & Asked)
  /** The cookie is gone, and yet a copy of it may live on. */
  | ({
      kind: 'sign-out-not-kept';
      provider?: string;
      user?: string | undefined;
      subject?: string;
      sessionId?: string;
      error: unknown;
    } & Asked)
  /** The provider could not be told that a token is done with. */
  | ({
      kind: 'token-not-revoked';
      provider: string;
      token: 'access_token' | 'refresh_token';
      error: unknown;
    } & Partial<Asked>)
  /** The person stays signed in at the provider. */
  | ({ kind: 'logout-address-failed'; provider: string; error: unknown } & Partial<Asked>)
  /** A provider has ended sessions, from server to server. `by` is what names them; `subject` where that is a person. */
  | ({ kind: 'back-channel-logout'; provider: string; by: string; subject: string | undefined } & Asked)
  /** A provider has ended a session through the browser. */
  | ({ kind: 'front-channel-logout'; provider: string; origin: string } & Asked);

/** The request at which something happens; `client` is undefined where the front does not say it. */
export interface Asked {
  requestId: string;
  client: string | undefined;
  traceId?: string | undefined;
}

export type ProviderEvent =
  /**
   * A call to a provider has ended. `endpoint` is one of a few words, `status` undefined where there was no answer;
   * `outcome` says `ok` for a status below 400, `refused` for one below 500, else `failed`. Only for sinks that want it.
   */
  | {
      kind: 'provider-called';
      provider: string;
      endpoint: ProviderEndpoint;
      method: string;
      /** Without its query; where nobody knew it beforehand, its origin: the rest may name a person. */
      address: string;
      status: number | undefined;
      outcome: 'ok' | 'refused' | 'failed';
      /** Of the connection, as one word; undefined for an answer. */
      failure: string | undefined;
      ms: number;
    }
  /** The metadata of a provider are known again after they were not to be had. */
  | { kind: 'provider-found'; provider: string; issuer: string | undefined }
  /** They could not be had. `isKnown`: those of before stay in use. */
  | {
      kind: 'provider-not-found';
      provider: string;
      issuer: string | undefined;
      error: unknown;
      retryMs: number;
      isKnown: boolean;
    }
  /** The configuration names what the metadata do not. */
  | { kind: 'provider-lacks'; provider: string; reason: string }
  /** One of several providers does not say in its answers who it is (RFC 9207). */
  | { kind: 'provider-unnamed'; provider: string }
  /** The gateway's own credentials are not good. `lookAt` are the keys of the configuration that they come from. */
  | {
      kind: 'client-rejected';
      provider: string;
      endpoint: string;
      /** Of the answer; undefined where there was none of HTTP. */
      status: number | undefined;
      error: unknown;
      lookAt: readonly string[];
    }
  /** The claims of before stay. */
  | { kind: 'claims-not-refreshed'; provider: string; error: unknown }
  /** A login or a refresh goes on without what userinfo, or the claim sources, would say. */
  | ({
      kind: 'claims-missing';
      provider: string;
      from: 'userinfo' | 'sources' | 'access token';
      error: unknown;
    } & Partial<Asked>)
  /** A rule or a header names a claim that the first person who signed in there does not have. */
  | ({ kind: 'claim-absent'; provider: string; claim: string } & Partial<Asked>)
  /** The clocks differ by more than what is forgiven; in seconds, above 0 where the gateway's is behind. */
  | ({ kind: 'clock-differs'; provider: string; seconds: number } & Partial<Asked>)
  /** A claim source leaves a claim out. */
  | ({ kind: 'claim-source-doubted'; provider: string; reason: string } & Partial<Asked>)
  /** The claim of groups looks like several of them in one text. */
  | ({ kind: 'groups-doubted'; provider: string; claim: string; advice: string } & Partial<Asked>)
  /** A provider signs people out by a channel, and its ID tokens do not say which sign-in they are of. */
  | ({ kind: 'provider-sends-no-sid'; provider: string } & Partial<Asked>)
  /** An upstream has an access token of its own. */
  | { kind: 'upstream-token-taken'; provider: string; way: string }
  /** It has none. `retryAfter`, in seconds, where the provider is out. */
  | { kind: 'upstream-token-failed'; provider: string; way: string; error: unknown; retryAfter?: number }
  /** The token of before is used to its end. */
  | { kind: 'upstream-token-not-renewed'; error: unknown };

/** What of a provider is asked. */
export type ProviderEndpoint =
  | 'discovery'
  | 'keys'
  | 'token'
  | 'userinfo'
  | 'introspection'
  | 'revocation'
  | 'par'
  | 'other';

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
  /** Redis takes commands, but not this one. */
  | { kind: 'store-refused'; reason: string }
  /** What others have signed out is not known yet. */
  | { kind: 'sign-outs-not-loaded'; error: unknown }
  /** The outcome of a refresh is known to this process alone. */
  | { kind: 'refresh-not-shared'; error: unknown };

/** What is told of an error in its place. */
type Described<E> = E extends { error: GatewayError }
  ? Omit<E, 'error'> & Refused
  : E extends { error: unknown }
    ? Omit<E, 'error'> & { reason: string }
    : E;

/** What is told of a refusal. */
export interface Refused {
  requestId: string;
  traceId: string | undefined;
  subject: string | undefined;
  client: string | undefined;
  code: ErrorCode;
  status: number;
  /** What the answer does not tell. */
  reason: string | undefined;
  /** Of a path that can be read in two ways: for `explain`, which says what is odd about it. */
  path: string | undefined;
  /** Where a fault of the gateway itself happened. */
  stack: string | undefined;
}

/** An event as sinks get it: errors are described, and known secrets are out of all its texts. */
export type Told = Described<Event>;

/** An event of one kind, as sinks get it. */
export type ToldOf<K extends Event['kind']> = Extract<Told, { kind: K }>;

/** A metric, as those who read it know it. The page docs/metrics.md is written from these. */
export interface Definition {
  name: string;
  type: 'counter' | 'histogram' | 'gauge';
  help: string;
  labels: readonly LabelName[];
  /** What becomes of the values of several processes. */
  together: 'sum' | 'min' | 'max' | 'first';
  /** Of a histogram: the buckets of the configuration, or those for what takes far less than a second. */
  buckets?: 'configured' | 'short';
}

/** What the values of a label are. Each is one of few: nothing that a client or a person chooses is among them. */
export const labels = {
  route:
    'host and path of the route, as in the log; `gateway` for its own endpoints, `none` for what no route takes, `all` with `metrics.routeLabel: false`',
  method: '`GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, or `other`',
  status:
    'the status; of one that is not registered, its class, such as `2xx`; 499 for a client that left before the answer',
  outcome: 'what was decided, by the words of `decision` in the log; `none` for what ended before that',
  target: 'the address of the application, as it is configured',
  kind: '`http`, `websocket`, `event-stream`',
  decision: '`allow`, `login`, `step-up`, `deny`, `answer`, `refuse`',
  reason:
    'of decisions, the rule or the code of the error; of sessions, who has ended them; of `sallyport_degraded`, as in `/readyz`',
  provider:
    'the name of the provider, or the host of an issuer of access tokens; `unknown` where nobody can tell it',
  result: 'what came of it: see the metric',
  endpoint: '`discovery`, `keys`, `token`, `userinfo`, `introspection`, `revocation`, `par`, `other`',
  operation:
    'what is asked: `session-get`, `session-set`, `session-touch` (when it was last used), `session-delete`, `claim`, `turn-look`, `turn-take`, `turn-renew`, `turn-release`, `turn-mark`, `turn-post`, `listing`, `sign-outs`, `count` (of `rateLimit`), `other`',
  name: 'the name in the configuration, as in `/readyz`; empty where there is one alone',
  key: 'the key of the configuration that names the certificate',
  version: 'the version of Sallyport',
  node: 'the version of Node.js',
} as const;

export type LabelName = keyof typeof labels;

/** Every metric of the gateway's own; those of the process and of Node.js stand beside them. */
export const definitions = {
  requests: {
    name: 'sallyport_requests_total',
    type: 'counter',
    help: 'Requests that have ended, and handshakes of WebSockets that were answered.',
    labels: ['route', 'method', 'status', 'outcome'],
    together: 'sum',
  },
  requestDuration: {
    name: 'sallyport_request_duration_seconds',
    type: 'histogram',
    help: 'From the head of a request to the end of its answer; event streams are left out.',
    labels: ['route'],
    together: 'sum',
    buckets: 'configured',
  },
  gatewayDuration: {
    name: 'sallyport_gateway_duration_seconds',
    type: 'histogram',
    help: 'What of it the gateway itself takes, waiting for its provider and its store included.',
    labels: [],
    together: 'sum',
    buckets: 'short',
  },
  upstreamDuration: {
    name: 'sallyport_upstream_duration_seconds',
    type: 'histogram',
    help: 'From the moment that a request goes upstream to the head of the answer.',
    labels: ['route', 'target'],
    together: 'sum',
    buckets: 'configured',
  },
  inFlight: {
    name: 'sallyport_in_flight',
    type: 'gauge',
    help: 'Requests under way, and WebSockets and event streams that are open.',
    labels: ['kind'],
    together: 'sum',
  },
  decisions: {
    name: 'sallyport_decisions_total',
    type: 'counter',
    help: 'What was decided on requests, and by which rule or for which error.',
    labels: ['route', 'decision', 'reason'],
    together: 'sum',
  },
  logins: {
    name: 'sallyport_logins_total',
    type: 'counter',
    help: 'Logins that came back from a provider: `ok`, the code of the error, `restarted` or `late`.',
    labels: ['provider', 'result'],
    together: 'sum',
  },
  refreshes: {
    name: 'sallyport_refreshes_total',
    type: 'counter',
    help: 'Refreshes of tokens: `ok`; `failed`; `unavailable` where the provider is the cause and not the session.',
    labels: ['provider', 'result'],
    together: 'sum',
  },
  providerDuration: {
    name: 'sallyport_provider_request_duration_seconds',
    type: 'histogram',
    help: 'Calls to a provider, answered or not.',
    labels: ['provider', 'endpoint'],
    together: 'sum',
    buckets: 'configured',
  },
  providerUp: {
    name: 'sallyport_provider_up',
    type: 'gauge',
    help: '1 while nothing is known against a provider; 0 while it is not reachable, fails, or rejects the gateway as its client.',
    labels: ['provider'],
    together: 'min',
  },
  sessionsEnded: {
    name: 'sallyport_sessions_ended_total',
    type: 'counter',
    help: 'Sessions that ended before their time: `sign-out`; `provider` at a refresh; `operator`; `back-channel` and `front-channel`, which count messages of a provider.',
    labels: ['reason'],
    together: 'sum',
  },
  storeDuration: {
    name: 'sallyport_store_duration_seconds',
    type: 'histogram',
    help: 'Commands to Redis, answered or not.',
    labels: ['operation'],
    together: 'sum',
    buckets: 'short',
  },
  targetUp: {
    name: 'sallyport_target_up',
    type: 'gauge',
    help: '1 while a target works as far as is known; 0 while it takes no connections, or its checks or requests fail.',
    labels: ['route', 'target'],
    together: 'min',
  },
  tlsExpiry: {
    name: 'sallyport_tls_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the certificate of a key of the configuration ends, in seconds since the epoch; of several, the first.',
    labels: ['key'],
    together: 'min',
  },
  reloads: {
    name: 'sallyport_reloads_total',
    type: 'counter',
    help: 'Reloads of the configuration: `ok`; `refused`; `off` where the configuration turns them off.',
    labels: ['result'],
    together: 'sum',
  },
  linesDropped: {
    name: 'sallyport_log_lines_dropped_total',
    type: 'counter',
    help: 'Lines of the log that nobody read in time.',
    labels: [],
    together: 'sum',
  },
  degraded: {
    name: 'sallyport_degraded',
    type: 'gauge',
    help: '1 for each entry that `/readyz` has in `degraded`; absent while there is none.',
    labels: ['reason', 'name'],
    together: 'max',
  },
  buildInfo: {
    name: 'sallyport_build_info',
    type: 'gauge',
    help: 'Always 1; its labels say what runs.',
    labels: ['version', 'node'],
    together: 'first',
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type MetricKey = keyof typeof definitions;

/** The keys of one type. */
export type KeyOf<T extends Definition['type']> = {
  [K in MetricKey]: (typeof definitions)[K]['type'] extends T ? K : never;
}[MetricKey];

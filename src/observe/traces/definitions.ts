/**
 * The spans and their attributes: the tables of docs/tracing.md are made of this, and nothing else can be set. Names are
 * those of OpenTelemetry's semantic conventions where these have one.
 */

/** @public scripts/write-reference.mjs makes the table of the documentation of them, from the compiled code */
export const attributes = {
  'http.request.method': 'the method; `_OTHER` for one that is not registered',
  'http.route': "host and path of the route, as in the log; of the gateway's own endpoints their path",
  'http.response.status_code': 'the status of the answer; absent where there was none',
  'http.request.resend_count': 'how often the request was sent before; absent for the first time',
  'url.scheme': '`http` or `https`, as the browser sees it',
  'url.path': 'the path without the query, as in the log',
  'url.full': 'the address without the query; of a claim source its origin alone',
  'server.address': 'the host that was asked',
  'server.port': 'its port, where the address names one',
  'client.address': 'the address of the client, as in the log',
  'network.peer.address': 'the address of the connection',
  'network.protocol.version': 'of HTTP, such as `1.1`',
  'user_agent.original': 'what the client says it is; cut at 512 characters',
  'error.type':
    'the code of an error, such as `upstream_timeout`; of a call to a provider that of the connection; else the status; `client_left` where nobody waited for the answer',
  'db.system.name': '`redis`',
  'db.operation.name': 'what was asked of Redis, as in the metrics',
  'sallyport.request_id': 'the value of `X-Request-Id`',
  'sallyport.kind': '`http`, `websocket`, `event-stream` or `forward-auth`',
  'sallyport.decision': 'what was decided, by the words of the log',
  'sallyport.reason': 'the rule that decided, or the code of the error',
  'sallyport.target': 'the target, as it is configured',
  'sallyport.provider': 'the name of the provider, or of the entry of `bearer`',
  'sallyport.provider.endpoint': 'what was asked of it, as in the metrics',
} as const satisfies Readonly<Record<string, string>>;

type AttributeName = keyof typeof attributes;

interface SpanDefinition {
  kind: 'server' | 'client' | 'internal';
  /** How it is called. */
  title: string;
  meaning: string;
  attributes: readonly AttributeName[];
}

/** @public as above */
export const spans = {
  request: {
    kind: 'server',
    title: '`METHOD ROUTE`',
    meaning: 'a request, from its head to the end of its answer; a WebSocket up to its handshake',
    attributes: [
      'http.request.method',
      'http.route',
      'http.response.status_code',
      'url.scheme',
      'url.path',
      'server.address',
      'server.port',
      'client.address',
      'network.peer.address',
      'network.protocol.version',
      'user_agent.original',
      'error.type',
      'sallyport.request_id',
      'sallyport.kind',
      'sallyport.decision',
      'sallyport.reason',
    ],
  },
  'session.open': {
    kind: 'internal',
    title: '`session.open`',
    meaning: 'the session of a cookie is opened, looked up or waited for',
    attributes: ['error.type'],
  },
  'session.refresh': {
    kind: 'internal',
    title: '`session.refresh`',
    meaning: 'the tokens of a session are replaced, by the one request of several that asks',
    attributes: ['error.type'],
  },
  'session.refresh_claims': {
    kind: 'internal',
    title: '`session.refresh_claims`',
    meaning: 'the claims of a session are asked for again',
    attributes: ['error.type'],
  },
  'bearer.verify': {
    kind: 'internal',
    title: '`bearer.verify`',
    meaning: 'the access token of an API client is verified',
    attributes: ['error.type'],
  },
  'upstream.token': {
    kind: 'internal',
    title: '`upstream.token`',
    meaning: 'a token for the application is taken: exchanged, or known from before',
    attributes: ['error.type'],
  },
  provider: {
    kind: 'client',
    title: '`METHOD ENDPOINT`',
    meaning: 'a call to a provider, up to the head of its answer',
    attributes: [
      'http.request.method',
      'http.response.status_code',
      'url.full',
      'server.address',
      'server.port',
      'error.type',
      'sallyport.provider',
      'sallyport.provider.endpoint',
    ],
  },
  store: {
    kind: 'client',
    title: '`redis OPERATION`',
    meaning: 'a command to Redis',
    attributes: ['db.system.name', 'db.operation.name', 'error.type'],
  },
  upstream: {
    kind: 'client',
    title: '`METHOD`',
    meaning: 'a request to a target, from the moment that it has its turn there; each attempt has one',
    attributes: [
      'http.request.method',
      'http.response.status_code',
      'http.request.resend_count',
      'url.full',
      'server.address',
      'server.port',
      'error.type',
      'sallyport.target',
    ],
  },
} as const satisfies Readonly<Record<string, SpanDefinition>>;

export type SpanName = keyof typeof spans;

/** The spans of parts of the work for a request. */
export type PartName = {
  [Name in SpanName]: (typeof spans)[Name]['kind'] extends 'internal' ? Name : never;
}[SpanName];

/** What may be set at a span; what is undefined is left out. */
export type AttributesOf<Name extends SpanName> = {
  [Attribute in (typeof spans)[Name]['attributes'][number]]?: string | number | undefined;
};

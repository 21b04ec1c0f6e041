/**
 * What the fields of the log mean, for programs that read it: the JSON Schema in `config/sallyport-log.schema.json` and
 * the table in docs/logging.md are made of this.
 */

/** Goes up when a field gets another meaning or form, or goes away; new fields and lines change nothing. */
export const logSchemaVersion = 1;

interface LogField {
  type: 'text' | 'number' | 'integer' | 'flag' | 'texts' | 'headers';
  /** In docs/logging.md and in the schema. */
  meaning: string;
}

/** The fields that every line has. */
const everyLine = ['level', 'time', 'msg'] as const;

/**
 * The fields of the line of each request, in their order; the others are those of other lines.
 * @public scripts/write-reference.mjs makes the table of the documentation of them, from the compiled code
 */
export const requestLineFields = {
  requestId: {
    type: 'text',
    meaning:
      'the value of `X-Request-Id`, which the application gets too; refusals, logins and sign-outs have it in their lines, refreshes that requests share do not',
  },
  traceId: {
    type: 'text',
    meaning:
      'the id of the trace, where [tracing](tracing.md) is on; in other lines too, where they belong to one request, or to a trace that is recorded',
  },
  method: { type: 'text', meaning: 'the method; absent when it could not be read at all' },
  host: {
    type: 'text',
    meaning: 'the host that was asked for, as the client or a trusted proxy says it; cut at 256 characters',
  },
  path: {
    type: 'text',
    meaning: 'without the query, which may hold secrets; absent when the request was refused unread',
  },
  status: {
    type: 'integer',
    meaning: '499 when the client left before there was an answer; nothing else is said of it then',
  },
  durationMs: {
    type: 'number',
    meaning: 'milliseconds until the answer had ended; of a WebSocket until it was open',
  },
  gatewayMs: {
    type: 'number',
    meaning:
      "the gateway's own share: until the request goes upstream, and from the head of the answer (or the failure) to the head that goes to the client; where the gateway answers itself, until that answer is written, without the time in which a form came. Waits for the provider, the store and a turn at the target are within, bodies that stream are not",
  },
  upstreamMs: {
    type: 'number',
    meaning:
      'from the moment that the request goes upstream to the head of the answer, or to the failure: the connection, targets that refused before and the upload of the body are within; absent when nothing went upstream',
  },
  bytesIn: { type: 'integer', meaning: 'bytes of the body that were read from the client' },
  bytesOut: {
    type: 'integer',
    meaning: 'bytes of the body of the answer that were handed on to the client, without the head',
  },
  route: { type: 'text', meaning: "host and path of the route; absent for the gateway's own endpoints" },
  target: { type: 'text', meaning: 'the target that was asked last, as it is configured' },
  decision: {
    type: 'text',
    meaning:
      '`allow` it went on · `login`, `step-up` it was led to the provider, or told so · `deny` a rule refuses it · `answer` the gateway has the answer · `refuse` it was refused before or behind the rules',
  },
  subject: { type: 'text', meaning: 'the `sub` of the session or the token' },
  user: { type: 'text', meaning: 'the user name, as `X-Forwarded-User` says it to applications' },
  client: {
    type: 'text',
    meaning:
      'the address of the client: of the connection, or what `trustedProxies` say; absent where they do not say it',
  },
  peer: {
    type: 'text',
    meaning: 'the address of the connection, which is that of the front where there is one',
  },
  userAgent: { type: 'text', meaning: 'what the client says it is; cut at 512 characters' },
  headers: { type: 'headers', meaning: 'the request headers that `logging.access.headers` names' },
} as const satisfies Readonly<Record<string, LogField>>;

const otherFields = {
  admin: { type: 'text', meaning: 'the address of the admin listener' },
  by: { type: 'text', meaning: 'who or what asked for it' },
  cert: { type: 'text', meaning: 'the file of a certificate' },
  claim: { type: 'text', meaning: 'the claim that it is about' },
  code: { type: 'text', meaning: 'the code of an error; in the line of a worker, its exit code' },
  config: { type: 'text', meaning: 'the file of the configuration, or `environment`' },
  connections: { type: 'integer', meaning: 'how many connections' },
  daysLeft: { type: 'integer', meaning: 'whole days until a certificate ends; below zero when it has ended' },
  dropped: { type: 'integer', meaning: 'how many connections were closed at once' },
  endpoint: { type: 'text', meaning: 'the endpoint of the provider that was asked' },
  everywhere: { type: 'flag', meaning: 'all sessions of the person were ended' },
  issuer: { type: 'text', meaning: 'the issuer of a provider' },
  key: { type: 'text', meaning: 'a key of the configuration' },
  keys: { type: 'texts', meaning: 'keys of the configuration' },
  limit: { type: 'text', meaning: 'the key of a limit, or its number' },
  lines: { type: 'integer', meaning: 'how many lines were dropped' },
  listen: { type: 'texts', meaning: 'the addresses that are listened on' },
  lost: { type: 'integer', meaning: 'how many lines of the audit, or spans of traces, are missing' },
  lookAt: { type: 'texts', meaning: 'the keys of the configuration to look at' },
  names: { type: 'text', meaning: 'whom a certificate names' },
  notAfter: { type: 'text', meaning: 'when a certificate ends' },
  notBefore: { type: 'text', meaning: 'when a certificate begins to hold' },
  openFiles: { type: 'integer', meaning: 'how many files the process may open' },
  origin: { type: 'text', meaning: 'the origin of the site' },
  collector: { type: 'text', meaning: 'the origin that traces are sent to' },
  pauseMs: { type: 'number', meaning: 'milliseconds until a worker is started again' },
  pid: { type: 'integer', meaning: 'the process' },
  port: { type: 'integer', meaning: 'a port' },
  problems: { type: 'texts', meaning: 'what is wrong with the configuration' },
  provider: { type: 'text', meaning: 'the name of the provider' },
  publicUrl: { type: 'texts', meaning: 'the origins of the gateway' },
  reason: { type: 'text', meaning: 'what happened, without secrets' },
  refused: { type: 'integer', meaning: 'how many were refused by a limit since the last such line' },
  retryAfter: { type: 'integer', meaning: 'seconds until it is worth a try' },
  retryMs: { type: 'number', meaning: 'milliseconds until the next try' },
  schema: { type: 'integer', meaning: 'the version of this table' },
  seconds: { type: 'integer', meaning: 'the difference of two clocks; below zero where this one is ahead' },
  sessionId: { type: 'text', meaning: 'the id of a session, which opens nothing' },
  sessions: { type: 'integer', meaning: 'how many sessions' },
  signal: { type: 'text', meaning: 'the signal that came' },
  signedIn: { type: 'flag', meaning: 'the browser has a session' },
  sink: { type: 'text', meaning: 'who is told of events and failed' },
  stack: { type: 'text', meaning: 'where in the code a fault of the gateway happened' },
  token: { type: 'text', meaning: 'which kind of token' },
  waiting: { type: 'integer', meaning: 'how many requests wait; of the audit, how many lines' },
  way: { type: 'text', meaning: 'how a token for an upstream was asked for' },
  who: { type: 'texts', meaning: 'whom limits by client do not count' },
  workers: { type: 'integer', meaning: 'how many processes share the port' },
} as const satisfies Readonly<Record<string, LogField>>;

const forms = {
  text: { type: 'string' },
  number: { type: 'number', minimum: 0 },
  integer: { type: 'integer', minimum: 0 },
  flag: { type: 'boolean' },
  texts: { type: ['array', 'string'], items: { type: 'string' } },
  headers: { type: 'object', additionalProperties: { type: 'string' } },
} as const;

/** Fields that stand for something else in the one line or the other. */
const special: Readonly<Record<string, object>> = {
  // A worker that was killed has none.
  code: { type: ['string', 'integer', 'null'] },
  signal: { type: ['string', 'null'] },
  limit: { type: ['string', 'integer'] },
  daysLeft: { type: 'integer' },
  seconds: { type: 'integer' },
};

/**
 * The JSON Schema (draft 07) of a line.
 * @public scripts/write-reference.mjs writes it down, from the compiled code
 */
export function logJsonSchema(): Record<string, unknown> {
  const fields: Readonly<Record<string, LogField>> = { ...requestLineFields, ...otherFields };
  const described = Object.entries(fields).map(([name, { type, meaning }]) => [
    name,
    { ...(special[name] ?? forms[type]), description: meaning },
  ]);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: `urn:sallyport:log:${logSchemaVersion}`,
    title: `A line of the log of Sallyport, version ${logSchemaVersion}`,
    type: 'object',
    properties: {
      level: { enum: ['debug', 'info', 'warn', 'error'], description: 'how serious it is' },
      time: { type: 'string', format: 'date-time', description: 'when it was written, in UTC' },
      msg: { type: 'string', description: 'what has happened; of the line of a request `request`' },
      ...Object.fromEntries(described),
    },
    required: everyLine,
    additionalProperties: false,
    if: { properties: { msg: { const: 'request' } } },
    // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema
    then: { required: ['requestId', 'status', 'durationMs', 'gatewayMs', 'bytesIn', 'bytesOut', 'peer'] },
  };
}

import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { withAccess } from '../../src/access/decide.ts';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { GatewayError } from '../../src/errors.ts';
import { callerOfSession } from '../../src/identity/caller.ts';
import { personRules, rememberPeople } from '../../src/identity/claims/person.ts';
import type { Providers } from '../../src/identity/provider/providers.ts';
import type { RateLimits } from '../../src/limits/rate-limits.ts';
import { compilePeers } from '../../src/listen/peer.ts';
import { pageAnswer, redirectTo } from '../../src/pages/answer.ts';
import { text } from '../../src/pages/texts/text.ts';
import type { Arrival, Outcome } from '../../src/request/outcome.ts';
import { openPipeline, type Pipeline, type PipelineNeeds } from '../../src/request/pipeline.ts';
import { compileHosts } from '../../src/routes/hosts.ts';
import { compileRoutes } from '../../src/routes/table.ts';
import type { Session } from '../../src/session/session.ts';
import type { Current, Standing } from '../../src/session/standing.ts';
import { gatewayYaml, onlyProvider } from '../support/gateway-config.ts';
import { unobserved } from '../support/observe.ts';

const port = 4180;
export const host = `127.0.0.1:${port}`;
export const origin = `http://${host}`;

/** A session as one that was just opened. */
export function sessionOf(subject: string, claims: Record<string, unknown> = {}): Current {
  const now = Date.now() / 1000;
  const session: Session = {
    id: `session of ${subject}`,
    provider: 'default',
    subject,
    providerSessionId: undefined,
    claims: { sub: subject, ...claims },
    fetchedClaims: [],
    claimsRefreshAt: undefined,
    accessToken: 'opaque',
    accessTokenExpiresAt: undefined,
    refreshAt: undefined,
    refreshToken: undefined,
    dpopKey: undefined,
    idToken: undefined,
    createdAt: now,
    seenAt: now,
    expiresAt: now + 3600,
  };
  return { session, setCookies: [], found: { session, outdatedKey: false, handle: undefined } };
}

/** What the pipeline of a test finds under each Cookie header. */
const standings: Readonly<Record<string, () => Standing | Promise<Standing>>> = {
  'session=ada': () => sessionOf('ada', { groups: ['staff'] }),
  'session=grace': () => sessionOf('grace'),
  'session=slow-ada': async () => sessionOf('ada', { groups: ['staff'] }),
  'session=ended': () => ({
    lapsed: 'ended',
    setCookies: ['session='],
    retryAfter: undefined,
    reason: 'over',
  }),
  'session=unavailable': () => ({ lapsed: 'unavailable', setCookies: [], retryAfter: 1, reason: 'away' }),
  'session=unknown': () => Promise.reject(new GatewayError('store_unavailable')),
};

export interface PipelineOptions {
  config: Record<string, unknown>;
  needs?: Partial<PipelineNeeds>;
}

/** A pipeline of a configuration whose people are told by a word in their cookie. */
export function pipelineOf({ config: more, needs }: PipelineOptions): Pipeline {
  const yaml = gatewayYaml({ config: { trustedProxies: ['127.0.0.1'], ...more } }, port);
  const { config } = parseConfig(yaml, { file: 'sallyport.yaml', env: {} });
  const table = compileRoutes(withAccess(config));
  const rules = personRules(onlyProvider(config));
  const personOf = rememberPeople(rules);
  const providers = { get: () => ({ personOf }) } as unknown as Providers;
  return openPipeline(
    {
      reader: {
        readPeer: compilePeers(config.trustedProxies),
        table,
        hosts: compileHosts(config.publicUrl, table),
        prefix: config.endpoints.prefix,
      },
      returnOrigins: new Set(config.publicUrl),
      resources: new Map(),
      keySet: undefined,
      closeAtTokenExpiry: true,
    },
    {
      sessions: { currentOf: (header) => standings[header ?? '']?.() },
      callerOf: (current) => callerOfSession(providers, current),
      revocations: { isRevoked: () => false },
      bearer: undefined,
      logins: {
        isPossible: true,
        start: async (_visit, { returnTo }) => redirectTo(`https://provider.example/?to=${returnTo}`),
        signedOutArrival: (sent) =>
          sent.some(({ name }) => name === 'signed-out')
            ? pageAnswer(200, { title: text('signed_out.title'), message: text('signed_out.message') })
            : undefined,
      },
      isReady: () => true,
      rateLimits: noLimits,
      isOverloaded: () => false,
      endpoints: [
        {
          method: 'GET',
          name: 'hello',
          handle: () =>
            pageAnswer(200, { title: text('signed_in.title'), message: text('signed_in.message') }),
        },
        {
          method: 'POST',
          name: 'hello',
          handle: async ({ form }) => redirectTo(`/${form.get('to')}`),
        },
        { method: 'GET', name: 'tried', head: true, handle: () => redirectTo('/') },
      ],
      tokens: { compile: () => () => ({ token: undefined }) },
      forwarder: {
        forward: () => ({ clientLeft: () => {} }),
        openTunnel: () => {},
        identityHeaders: () => [],
      },
      emit: unobserved.emit,
      clock: systemClock,
      ...needs,
    },
  );
}

export interface Asked {
  method?: string;
  path: string;
  headers?: Readonly<Record<string, string>>;
}

/** A request as Node's parser gives it, from an address. */
function messageOf(method: string, url: string, headers: Readonly<Record<string, string>>): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: '127.0.0.1' });
  const message = new IncomingMessage(socket);
  const named = { host, ...headers };
  message.method = method;
  message.url = url;
  message.headers = named;
  message.rawHeaders = Object.entries(named).flat();
  return message;
}

/** What becomes of one and the same request by each of the ways on which it may come. */
export async function outcomesOf(
  pipeline: Pipeline,
  { method = 'GET', path, headers = {} }: Asked,
): Promise<Record<Arrival['via'], Outcome>> {
  const decide = (message: IncomingMessage, via: Arrival['via']) =>
    pipeline.decide(pipeline.arrive(message), { via });
  const asking = { ...headers, 'x-forwarded-method': method, 'x-forwarded-uri': path };
  return {
    http: await decide(messageOf(method, path, headers), 'http'),
    upgrade: await decide(messageOf(method, path, headers), 'upgrade'),
    question: await decide(messageOf('GET', '/oauth2/forward-auth', asking), 'question'),
  };
}

/** The outcome of a request that a browser or a program sends. */
export function decideHttp(pipeline: Pipeline, { method = 'GET', path, headers = {} }: Asked) {
  return pipeline.decide(pipeline.arrive(messageOf(method, path, headers)), { via: 'http' });
}

const noLimits: RateLimits = {
  arrived: () => {},
  identified: () => {},
  caused: () => {},
  blockedFor: () => 0,
  happened: () => {},
};

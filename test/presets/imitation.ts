import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { exportJWK, SignJWT } from 'jose';
import type { Clock } from '../../src/clock.ts';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { type Client, createClient, type HttpAnswer } from '../support/client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { providerFound } from '../support/provider-found.ts';
import { rsaKeyPair } from '../support/rsa.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

type Json = Record<string, unknown>;

/** What an API endpoint answers; a bare value is JSON with the status 200. */
export interface ApiAnswer {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
}

/** How a well-known provider answers, by its documentation. Functions get the imitation's origin. */
export interface Imitated {
  /** The discovery document and its path; none for a provider without one. */
  metadata?: (origin: string) => { path: string; document: Json; headers?: Record<string, string> };
  paths: { authorize: string; token: string; jwks?: string };
  /** The claims of ID tokens beside nonce, aud, iat and exp; none for plain OAuth 2.0. */
  idToken?: (origin: string) => Json;
  /** What the token endpoint answers beside the access token; the error of a GitHub comes here too. */
  tokens?: Json;
  /** Its token endpoint answers with a form unless JSON is asked for. */
  formUnlessJson?: boolean;
  /** Whether a client is who it says it is; unset, by the secret of these tests. */
  isClient?: (id: string | null | undefined, secret: string | null | undefined) => boolean;
  /** The `iss` of authorization responses (RFC 9207). */
  iss?: (origin: string) => string;
  /** Whatever is asked with the access token, by path. */
  api?: Record<string, (request: { url: URL; origin: string; accessToken: string }) => ApiAnswer>;
}

export interface SeenCall {
  path: string;
  accept: string | undefined;
  userAgent: string | undefined;
}

/** A provider that looks like a well-known one. What it answers may be changed while it runs. */
export interface Imitation {
  origin: string;
  answers: Imitated;
  authorizationRequests: URLSearchParams[];
  tokenRequests: URLSearchParams[];
  /** Calls with a good access token. */
  calls: SeenCall[];
  /** The client that is known here. */
  clientId: string;
  /** Whether the token endpoint answers with forms, as some did before RFC 6749 was final. */
  formEncoded: boolean;
  stop(): Promise<void>;
}

interface Grant {
  nonce: string | null;
  challenge: string | null;
  redirectUri: string | null;
}

const client = { id: 'app', secret: 'the secret of the app' };

/** Starts an imitation on a free port of 127.0.0.1: nobody is asked anything there, and everybody is signed in. */
export async function startImitation(answers: Imitated): Promise<Imitation> {
  const { publicKey, privateKey } = rsaKeyPair('provider');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'key-1', use: 'sig', alg: 'RS256' };
  const codes = new Map<string, Grant>();
  const accessTokens = new Set<string>();
  const server = createServer((request, response) => {
    answer(request)
      .then(({ status = 200, headers = {}, json }) => {
        const { formUnlessJson = false, paths } = imitation.answers;
        const isForm =
          imitation.formEncoded || (formUnlessJson && !/json/.test(request.headers.accept ?? ''));
        if (isForm && request.url === paths.token) {
          response.writeHead(status, { 'content-type': 'application/x-www-form-urlencoded' });
          response.end(new URLSearchParams(json as Record<string, string>).toString());
          return;
        }
        response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
        response.end(json === undefined ? '' : JSON.stringify(json));
      })
      .catch((error: unknown) => response.destroy(error as Error));
  });
  const listening = await listenOnLoopback(server);
  const { url: origin } = listening;
  const imitation: Imitation = {
    origin,
    answers,
    authorizationRequests: [],
    tokenRequests: [],
    calls: [],
    clientId: client.id,
    formEncoded: false,
    stop: () => listening.close(),
  };

  async function answer(request: IncomingMessage): Promise<ApiAnswer> {
    const url = new URL(request.url ?? '/', origin);
    const { metadata, paths, api = {} } = imitation.answers;
    const discovered = metadata?.(origin);
    if (url.pathname === discovered?.path)
      return { json: discovered.document, ...(discovered.headers && { headers: discovered.headers }) };
    if (url.pathname === paths.jwks) return { json: { keys: [jwk] } };
    if (url.pathname === paths.authorize) return authorize(url.searchParams);
    if (url.pathname === paths.token) return token(request, new URLSearchParams(await bodyOf(request)));
    const called = Object.hasOwn(api, url.pathname) ? api[url.pathname] : undefined;
    if (!called) return { status: 404, json: { message: 'Not Found' } };
    const accessToken = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!accessTokens.has(accessToken)) return { status: 401, json: { message: 'Bad credentials' } };
    const { accept, 'user-agent': userAgent } = request.headers;
    imitation.calls.push({ path: url.pathname, accept, userAgent });
    return called({ url, origin, accessToken });
  }

  function authorize(parameters: URLSearchParams): ApiAnswer {
    imitation.authorizationRequests.push(parameters);
    const redirect = new URL(parameters.get('redirect_uri') ?? '');
    if (parameters.get('client_id') !== imitation.clientId || parameters.get('response_type') !== 'code') {
      return { status: 400, json: { error: 'invalid_request' } };
    }
    const code = randomBytes(12).toString('hex');
    codes.set(code, {
      nonce: parameters.get('nonce'),
      challenge: parameters.get('code_challenge'),
      redirectUri: parameters.get('redirect_uri'),
    });
    redirect.searchParams.set('code', code);
    redirect.searchParams.set('state', parameters.get('state') ?? '');
    const { iss } = imitation.answers;
    if (iss) redirect.searchParams.set('iss', iss(origin));
    return { status: 302, headers: { location: redirect.href } };
  }

  async function token(request: IncomingMessage, parameters: URLSearchParams): Promise<ApiAnswer> {
    imitation.tokenRequests.push(parameters);
    const { isClient = isTestClient } = imitation.answers;
    if (!isClient(...credentialsIn(request, parameters)))
      return { status: 401, json: { error: 'invalid_client' } };
    const { idToken, tokens = {} } = imitation.answers;
    if (tokens.error !== undefined) return { json: tokens };
    const isRefresh = parameters.get('grant_type') === 'refresh_token';
    const grant = isRefresh ? undefined : codes.get(parameters.get('code') ?? '');
    codes.delete(parameters.get('code') ?? '');
    const verifier = parameters.get('code_verifier') ?? '';
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const isGood = grant?.challenge === challenge && grant.redirectUri === parameters.get('redirect_uri');
    if (!isRefresh && !isGood) return { status: 400, json: { error: 'invalid_grant' } };
    const accessToken = randomBytes(16).toString('hex');
    accessTokens.add(accessToken);
    const claims = idToken?.(origin);
    const signed = claims && (await sign({ ...(grant?.nonce && { nonce: grant.nonce }), ...claims }));
    return {
      json: {
        access_token: accessToken,
        token_type: 'bearer',
        ...(signed && { id_token: signed }),
        ...tokens,
      },
    };
  }

  function sign(claims: Json): Promise<string> {
    return new SignJWT({ aud: imitation.clientId, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1', typ: 'JWT' })
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey);
  }

  return imitation;
}

const isTestClient: NonNullable<Imitated['isClient']> = (id, secret) =>
  id === client.id && secret === client.secret;

function credentialsIn(
  request: IncomingMessage,
  parameters: URLSearchParams,
): [id: string | null | undefined, secret: string | null | undefined] {
  const basic = /^Basic (.*)$/.exec(request.headers.authorization ?? '')?.[1];
  const [id, secret] = basic
    ? Buffer.from(basic, 'base64')
        .toString()
        .split(':')
        .map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
    : [parameters.get('client_id'), parameters.get('client_secret')];
  return [id, secret];
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

export interface PresetScene {
  imitation: Imitation;
  gateway: TestGateway;
  client: Client;
  /** Goes to the application and through the login; gives the answer at the end. */
  signIn(path?: string): Promise<HttpAnswer>;
  /** The header that the application got with a request of its own; the status where it got none. */
  header(name: string): Promise<string | undefined>;
}

export interface PresetOptions {
  /** The keys of the provider, made from the imitation's origin. */
  provider: (origin: string) => Json;
  /** More of the configuration. */
  config?: Json;
  allow?: unknown;
  /** The time that the life of sessions goes by (the real one). */
  clock?: Clock;
}

/** A gateway in front of an echo, whose people sign in at an imitation; everything ends with the test. */
export async function arrangePreset(
  t: Teardown,
  imitated: Imitated,
  { provider, config = {}, allow = 'signed-in', clock }: PresetOptions,
): Promise<PresetScene> {
  const imitation = await startImitation(imitated);
  t.teardown(() => imitation.stop());
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({
    clock,
    config: {
      ...config,
      provider: {
        issuer: undefined,
        scopes: undefined,
        clientId: client.id,
        clientSecret: client.secret,
        ...provider(imitation.origin),
      },
      routes: [{ path: '/', upstream: upstream.url, allow }],
    },
  });
  t.teardown(() => gateway.close());
  await providerFound(gateway.url);
  const browser = createClient();
  t.teardown(() => browser.close());
  return {
    imitation,
    gateway,
    client: browser,
    signIn: (path = '/') => browser.navigate(gateway.url + path, { follow: 10 }),
    async header(name) {
      const answer = await browser.get(`${gateway.url}/`);
      return answer.status === 200
        ? valuesOf((answer.json() as Echo).rawHeaders, name)[0]
        : String(answer.status);
    },
  };
}

/** The headers of the application about the person, by short names. */
export async function personOf({ client: browser, gateway }: PresetScene): Promise<Record<string, string>> {
  const answer = await browser.get(`${gateway.url}/`);
  if (answer.status !== 200) return { status: String(answer.status) };
  const { rawHeaders } = answer.json() as Echo;
  const names = {
    user: 'x-forwarded-user',
    email: 'x-forwarded-email',
    username: 'x-forwarded-preferred-username',
    groups: 'x-forwarded-groups',
  };
  return Object.fromEntries(
    Object.entries(names).flatMap(([short, name]) =>
      valuesOf(rawHeaders, name).map((value) => [short, value]),
    ),
  );
}

import { decodeJwt } from 'jose';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { type Client, createClient } from '../support/client.ts';
import { createWoundClock, type WoundClock } from '../support/clock.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import {
  type ProviderHit,
  type ProviderOptions,
  startProvider,
  type TestProvider,
} from '../support/provider.ts';
import type { Upstream, UpstreamHandler } from '../support/upstream.ts';

const tokenSeconds = 300;

/** What a provider does in place of an answer to a refresh, or with it. */
export type Misbehave = (hit: ProviderHit) => void | Promise<void>;

/** People who are signed in, a provider that can refuse one of them, and a clock to wind. */
export interface People {
  provider: TestProvider;
  gateway: TestGateway;
  upstream: Upstream;
  clock: WoundClock;
  client(name: string): Client;
  /** Signs somebody in in a browser of its own, in place of the one before. */
  signIn(name: string): Promise<Client>;
  /**
   * What becomes of the refreshes of a person, of all of them (`*`), of logins (`login`) or of an endpoint (`/jwks`);
   * undefined lets them pass again.
   */
  on(what: string, misbehave: Misbehave | undefined): void;
  /** Whose an access token or a refresh token is; undefined for one that was not given by a token answer. */
  ownerOf(token: string): string | undefined;
  /** The refresh tokens that were sent, with whose they are. */
  sent: { name: string; token: string }[];
  /** To just behind the end of the access tokens. */
  expire(): void;
}

export interface PeopleOptions {
  names?: readonly string[];
  provider?: ProviderOptions;
  config?: Record<string, unknown>;
  /** The same, made from the address of the application. */
  configOf?: (upstream: string) => Record<string, unknown>;
  upstream?: UpstreamHandler;
}

/** Three people with refresh tokens that rotate, behind a gateway whose clock the test winds. */
export async function arrangePeople(t: Teardown, options: PeopleOptions = {}): Promise<People> {
  const { names = ['ada', 'grace', 'zoe'], config = {} } = options;
  const provider = await startProvider({
    rotateRefreshTokens: true,
    ttl: { accessToken: tokenSeconds },
    ...options.provider,
  });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, options.upstream);
  const clock = createWoundClock();
  const whole = options.configOf?.(upstream.url) ?? config;
  const route = 'routes' in whole ? undefined : upstream;
  const gateway = await startTestGateway({ provider, upstream: route, clock, config: whole });
  t.teardown(() => gateway.close());

  const owners = new Map<string, string>();
  const misbehaving = new Map<string, Misbehave>();
  const sent: People['sent'] = [];
  provider.tamper(async (hit) => {
    const ofPath = misbehaving.get(hit.path);
    if (ofPath) return ofPath(hit);
    if (hit.path !== '/token') return hit.pass();
    const form = new URLSearchParams(await hit.body());
    if (form.get('grant_type') === 'refresh_token') {
      const token = form.get('refresh_token') ?? '';
      const name = owners.get(token) ?? 'nobody';
      if (name !== 'nobody') sent.push({ name, token });
      const misbehave = misbehaving.get(name) ?? misbehaving.get('*');
      if (misbehave) return misbehave(hit);
    } else {
      const misbehave = misbehaving.get('login');
      if (misbehave) return misbehave(hit);
    }
    const original = await hit.original();
    const tokens = JSON.parse(original.body) as Record<string, string>;
    for (const name of ['refresh_token', 'access_token']) {
      const { [name]: token, id_token: idToken } = tokens;
      if (token !== undefined && idToken !== undefined) owners.set(token, decodeJwt(idToken).sub ?? '');
    }
    return hit.send(original);
  });

  const clients = new Map<string, Client>();
  const people: People = {
    provider,
    gateway,
    upstream,
    clock,
    sent,
    ownerOf: (token) => owners.get(token),
    client(name) {
      const client = clients.get(name);
      if (!client) throw new Error(`${name} is not signed in`);
      return client;
    },
    async signIn(name) {
      clients.get(name)?.close();
      const client = createClient();
      clients.set(name, client);
      await logIn(client, gateway.url, name);
      return client;
    },
    on(what, misbehave) {
      if (misbehave) misbehaving.set(what, misbehave);
      else misbehaving.delete(what);
    },
    expire: () => clock.wind((tokenSeconds + 1) * 1000),
  };
  t.teardown(() => {
    for (const client of clients.values()) client.close();
  });
  for (const name of names) await people.signIn(name);
  return people;
}

/** An answer in JSON. */
export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Misbehave =>
  (hit) =>
    hit.send({
      status,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

/** An answer as it is. */
export const plain =
  (status: number, body = '', contentType = 'text/html'): Misbehave =>
  (hit) =>
    hit.send({ status, headers: { 'content-type': contentType }, body });

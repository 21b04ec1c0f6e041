import { type BegunLogin, signInAtProvider } from '../login/steps.ts';
import { createClient, type HttpAnswer, navigationHeaders, type RequestOptions } from '../support/client.ts';
import { type CookieJar, createCookieJar } from '../support/cookie-jar.ts';
import type { TestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

/** A browser that sees a gateway at its https origin, as through a proxy that ends TLS in front of it. */
export interface SecureBrowser {
  cookies: CookieJar;
  /** Asks for a path; the cookies of the https origin go along. */
  request(path: string, options?: RequestOptions): Promise<HttpAnswer>;
  navigate(path: string, headers?: Record<string, string>): Promise<HttpAnswer>;
  /** Walks through a whole login; gives every answer of the gateway on the way. */
  logIn(person: string, path?: string): Promise<HttpAnswer[]>;
  close(): void;
}

/**
 * @param origin what `publicUrl` says, such as `https://app.example.com`
 */
export function secureBrowser({ url }: Pick<TestGateway, 'url'>, origin: string): SecureBrowser {
  const client = createClient();
  const cookies = createCookieJar();
  const { host } = new URL(origin);
  const request = async (path: string, options: RequestOptions = {}) => {
    const cookie = cookies.headerFor(origin + encodeURI(path));
    const given = Array.isArray(options.headers) ? {} : options.headers;
    const headers = { host, ...(cookie !== undefined && { cookie }), ...given };
    const answer = await client.request(url + path, { ...options, headers });
    cookies.take(origin + encodeURI(path), answer.setCookies);
    return answer;
  };
  const navigate = (path: string, headers: Record<string, string> = {}) =>
    request(path, { headers: { ...navigationHeaders, ...headers } });
  const begin = async (path: string): Promise<BegunLogin> => {
    // Until the provider is found there is no login to begin.
    const answer = await until('a login', async () => {
      const first = await navigate(path);
      return first.status !== 503 && first;
    });
    const authorizationRequest = new URL(answer.headers.location ?? '');
    return { answer, authorizationRequest, state: authorizationRequest.searchParams.get('state') ?? '' };
  };
  return {
    cookies,
    request,
    navigate,
    async logIn(person, path = '/') {
      const begun = await begin(path);
      const callback = await signInAtProvider(client, begun, person);
      const ended = await navigate(callback.pathname + callback.search);
      return [begun.answer, ended];
    },
    close: () => client.close(),
  };
}

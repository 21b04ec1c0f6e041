import type { GatewayError } from '../errors.ts';
import { type Action, type Page, pageHeaders, renderPage } from './html.ts';

/** An answer of the gateway itself, before it is known whether it leaves through HTTP or a raw socket. */
export interface Answer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string | string[]>;
  body: string;
}

/** Pages and redirects speak to one person at one moment. */
const personal = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' } as const;

export function redirectTo(location: string, setCookies: readonly string[] = []): Answer {
  return withCookies({ status: 302, headers: { ...personal, location }, body: '' }, setCookies);
}

export function pageAnswer(status: number, page: Page, setCookies: readonly string[] = []): Answer {
  return withCookies({ status, headers: pageHeaders(page), body: renderPage(page) }, setCookies);
}

export function jsonAnswer(status: number, value: unknown, setCookies: readonly string[] = []): Answer {
  const headers = { ...personal, 'content-type': 'application/json; charset=utf-8' };
  return withCookies({ status, headers, body: JSON.stringify(value) }, setCookies);
}

/** An answer that is all in its headers. */
export function emptyAnswer(status: number, headers: Answer['headers']): Answer {
  return { status, headers: { ...personal, ...headers }, body: '' };
}

/** An answer that sets cookies is never stored, whatever it said before. */
export function withCookies(answer: Answer, setCookies: readonly string[]): Answer {
  if (setCookies.length === 0) return answer;
  const earlier = [answer.headers['set-cookie'] ?? []].flat();
  const headers = { ...answer.headers, ...personal, 'set-cookie': [...earlier, ...setCookies] };
  return { ...answer, headers };
}

const titles: Readonly<Record<number, string>> = {
  400: 'This did not work',
  401: 'Please sign in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Not possible here',
  408: 'Too slow',
  413: 'Too large',
  421: 'Wrong address',
  431: 'Too large',
  500: 'Something went wrong',
  502: 'The application does not answer',
  503: 'One moment, please',
  504: 'The application is too slow',
};

export interface ErrorContext {
  requestId: string;
  /** A page for a person, or problem JSON for a program. */
  page: boolean;
  /** What a person can do next. */
  actions?: readonly Action[];
  /** Where a front end can send its person to sign in. */
  loginUrl?: string | undefined;
}

/** The answer for an error: a page for browsers, problem JSON (RFC 9457) for everything else. */
export function errorAnswer(
  error: GatewayError,
  { requestId, page, actions, loginUrl }: ErrorContext,
): Answer {
  const title = titles[error.status] ?? 'Something went wrong';
  const extra: Record<string, string> = { 'x-sallyport-error': error.code };
  if (error.retryAfter !== undefined) extra['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfter)));
  if (error.allow !== undefined) extra.allow = error.allow;
  if (error.challenge !== undefined) extra['www-authenticate'] = error.challenge;
  if (page) {
    const content: Page = {
      title,
      message: error.sentence,
      detail: error.detail,
      ...(actions && { actions }),
      footer: `Request ${requestId} · ${error.code}`,
    };
    const answer = pageAnswer(error.status, content);
    return { ...answer, headers: { ...answer.headers, ...extra } };
  }
  const problem = {
    type: 'about:blank',
    title,
    status: error.status,
    detail: error.detail === undefined ? error.sentence : `${error.sentence} ${error.detail}`,
    code: error.code,
    requestId,
    loginUrl,
  };
  const headers = { ...personal, 'content-type': 'application/problem+json', ...extra };
  return { status: error.status, headers, body: JSON.stringify(problem) };
}

import type { GatewayError } from '../errors.ts';
import { type Action, type Page, pageHeaders, renderPage } from './html.ts';
import { english } from './texts/languages.ts';
import { say, type Texts, text } from './texts/text.ts';

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

export function pageAnswer(
  status: number,
  page: Page,
  setCookies: readonly string[] = [],
  texts: Texts = english,
): Answer {
  return withCookies({ status, headers: pageHeaders(page), body: renderPage(page, texts) }, setCookies);
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

export interface ErrorContext {
  requestId: string;
  /** A page for a person, or problem JSON for a program. */
  page: boolean;
  /** What a person can do next. */
  actions?: readonly Action[];
  /** Where a front end can send its person to sign in. */
  loginUrl?: string | undefined;
  /** The language of the answer. */
  texts?: Texts;
}

/** Whole seconds, and one at the least; undefined where nobody knows. */
export const retryAfterOf = ({ retryAfter }: GatewayError): string | undefined =>
  retryAfter === undefined ? undefined : String(Math.max(1, Math.ceil(retryAfter)));

/** The answer for an error: a page for browsers, problem JSON (RFC 9457) for everything else. */
export function errorAnswer(
  error: GatewayError,
  { requestId, page, actions, loginUrl, texts = english }: ErrorContext,
): Answer {
  const title = text(`title.${error.status}`);
  const extra: Record<string, string> = { 'x-sallyport-error': error.code };
  const retryAfter = retryAfterOf(error);
  if (retryAfter !== undefined) extra['retry-after'] = retryAfter;
  if (error.allow !== undefined) extra.allow = error.allow;
  if (error.challenge !== undefined) extra['www-authenticate'] = error.challenge;
  if (page) {
    const content: Page = {
      title,
      message: error.sentence,
      detail: error.detail,
      ...(actions && { actions }),
      footer: text('footer.request', { id: requestId, code: error.code }),
    };
    const answer = pageAnswer(error.status, content, [], texts);
    return { ...answer, headers: { ...answer.headers, ...extra } };
  }
  const sentence = say(texts, error.sentence);
  const problem = {
    type: 'about:blank',
    title: say(texts, title),
    status: error.status,
    detail: error.detail === undefined ? sentence : `${sentence} ${say(texts, error.detail)}`,
    code: error.code,
    requestId,
    loginUrl,
  };
  const headers = { ...personal, 'content-type': 'application/problem+json', ...extra };
  return { status: error.status, headers, body: JSON.stringify(problem) };
}

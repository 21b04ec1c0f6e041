import { type Configuration, type DPoPHandle, fetchProtectedResource } from 'openid-client';
import type { ClaimSource } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import { describeError } from '../../observe/log.ts';
import { readClaim } from './claims.ts';

/** Nobody is in more groups than this; more would only fill memory. */
const mostPages = 20;
const mostItems = 2000;
/** All pages of all sources together. */
const longestMs = 30_000;

/** An access token, and what calls with it are made by. */
export interface TokenInHand {
  client: Configuration;
  accessToken: string;
  /** Proves the key that the access token is bound to. */
  dpop?: DPoPHandle | undefined;
}

export interface SourceAnswers {
  /** What the sources say, by the name of their claims; undefined for a claim that they don't have. */
  claims: Map<string, unknown>;
  /** What is for the log. */
  warnings: string[];
}

/**
 * Asks the sources of a provider about somebody, with their access token. Rejects where one of them cannot be
 * asked or refuses, save that an `optional` one may refuse.
 * @param lookUp the claims that are known so far, by dotted path
 */
export async function askSources(
  sources: readonly ClaimSource[],
  token: TokenInHand,
  lookUp: (path: string) => unknown,
): Promise<SourceAnswers> {
  const active = sources.filter(({ ifClaim }) => ifClaim === undefined || lookUp(ifClaim) !== undefined);
  const warnings: string[] = [];
  const deadline = performance.now() + longestMs;
  const answers = await Promise.all(
    active.map(async (source) => {
      try {
        return { source, values: await valuesOf(source, { token, deadline, warnings }) };
      } catch (error) {
        if (!source.optional || !mayBeMissing(error)) throw error;
        warnings.push(`${source.claim} is not complete: ${describeError(error)}`);
        return { source, values: [] };
      }
    }),
  );
  // A claim that a source answers for is what the source says, be it nothing.
  const claims = new Map<string, unknown>(active.map(({ claim }) => [claim, undefined]));
  for (const { source, values } of answers) {
    const before = claims.get(source.claim);
    if (source.first) claims.set(source.claim, before ?? values[0]);
    else claims.set(source.claim, [...new Set([...(Array.isArray(before) ? before : []), ...values])]);
  }
  return { claims, warnings };
}

interface Asking {
  token: TokenInHand;
  /** Milliseconds since the epoch. */
  deadline: number;
  warnings: string[];
}

async function valuesOf(source: ClaimSource, { token, deadline, warnings }: Asking): Promise<string[]> {
  const read = compileValue(source.value);
  const values: string[] = [];
  let address: URL | undefined = new URL(source.endpoint);
  for (let page = 1; address; page++) {
    if (page > mostPages || values.length >= mostItems) {
      warnings.push(`${source.claim} is not complete: the answers have too many pages`);
      break;
    }
    if (performance.now() > deadline)
      throw new Error(`${source.claim} took too long`, { cause: { status: 504 } });
    const { body, link } = await fetchJson(token, address);
    for (const item of itemsOf(source, body)) {
      const value = isWanted(source, item) ? read(item) : undefined;
      if (value !== undefined && values.length < mostItems) values.push(value);
    }
    address = nextPage(source, address, body, link);
  }
  return values;
}

/** GET with the access token (RFC 6750 §2.1); rejects for everything but JSON with the status 200. */
export async function fetchJson(
  { client, accessToken, dpop }: TokenInHand,
  address: URL,
): Promise<{ body: unknown; link: string | null }> {
  const headers = new Headers({ accept: 'application/json' });
  const response = await fetchProtectedResource(
    client,
    accessToken,
    address,
    'GET',
    null,
    headers,
    dpop && { DPoP: dpop },
  );
  if (response.status !== 200) {
    await response.body?.cancel();
    const cause = isOverLimit(response) ? { status: 429 } : { status: response.status };
    throw new Error(`${address.host}${address.pathname} answered ${response.status}`, { cause });
  }
  return { body: await response.json(), link: response.headers.get('link') };
}

/** A limit that is used up says 403 at some: that is no refusal, but a matter of time. */
function isOverLimit({ status, headers }: Response): boolean {
  return status === 403 && (headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0');
}

/** Whether the answer was that this access token may not ask, or that there is nothing to ask for. */
function mayBeMissing(error: unknown): boolean {
  const status = statusOf(error);
  return status === 403 || status === 404;
}

/** Whether the answer was that the access token is not good, or not good for this (any more). */
export function isRefused(error: unknown): boolean {
  const status = statusOf(error);
  return status === 401 || status === 403;
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { status } = error as Error & { status?: unknown };
  if (typeof status === 'number' && !(error instanceof GatewayError)) return status;
  const { cause } = error;
  if (cause instanceof Error) return statusOf(cause);
  const inner = cause !== null && typeof cause === 'object' && 'status' in cause ? cause.status : undefined;
  return typeof inner === 'number' ? inner : undefined;
}

function itemsOf({ items }: ClaimSource, body: unknown): readonly unknown[] {
  const found = items === undefined ? body : readClaim(body, items);
  return Array.isArray(found) ? found : found === undefined || found === null ? [] : [found];
}

function isWanted({ where }: ClaimSource, item: unknown): boolean {
  return Object.entries(where).every(([path, value]) => textOf(readClaim(item, path)) === value);
}

/** A dotted path, or a text with dotted paths in braces; undefined for an item that lacks one of them. */
function compileValue(value: string): (item: unknown) => string | undefined {
  if (!value.includes('{')) return (item) => textOf(readClaim(item, value));
  const parts = value.split(/\{([^}]*)\}/);
  return (item) => {
    let text = '';
    for (const [index, part] of parts.entries()) {
      const piece = index % 2 === 0 ? part : textOf(readClaim(item, part));
      if (piece === undefined) return undefined;
      text += piece;
    }
    return text;
  };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** The next page, of the same origin: the access token goes nowhere else. Throws for one of another. */
function nextPage(
  { nextPage }: ClaimSource,
  current: URL,
  body: unknown,
  link: string | null,
): URL | undefined {
  const named = nextPage === undefined ? undefined : readClaim(body, nextPage);
  // RFC 8288 §3: `<address>; rel="next"`.
  const linked = link?.match(/<([^>]*)>(?=[^,<]*;\s*rel="?next"?)/i)?.[1];
  const next = typeof named === 'string' ? named : linked;
  if (next === undefined || next === '') return undefined;
  if (!URL.canParse(next, current.href) || new URL(next, current).origin !== current.origin) {
    throw new GatewayError('login_response_invalid', {
      cause: new Error(`the next page of ${current.host}${current.pathname} is of another origin`),
    });
  }
  return new URL(next, current);
}

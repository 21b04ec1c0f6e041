import type { Clock } from '../../clock.ts';
import type { ClaimSource } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import { describeError } from '../../observe/scrub.ts';
import { readClaim } from './claims.ts';

/** Nobody is in more groups than this; more would only fill memory. */
const mostPages = 20;
const mostItems = 2000;
/** All pages of all sources together. */
const longestMs = 30_000;

/** How sources are asked. */
export interface SourceNeeds {
  /** GET with the person's access token; rejects for everything but JSON with the status 200. */
  get(address: URL): Promise<{ body: unknown; link: string | null }>;
  /** Whether the answer was that this access token may not ask, or that there is nothing to ask for. */
  mayBeMissing(error: unknown): boolean;
  clock: Pick<Clock, 'monotonic'>;
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
  needs: SourceNeeds,
  lookUp: (path: string) => unknown,
): Promise<SourceAnswers> {
  const active = sources.filter(({ ifClaim }) => ifClaim === undefined || lookUp(ifClaim) !== undefined);
  const warnings: string[] = [];
  const deadline = needs.clock.monotonic() + longestMs;
  const answers = await Promise.all(
    active.map(async (source) => {
      try {
        return { source, values: await valuesOf(source, { needs, deadline, warnings }) };
      } catch (error) {
        if (!source.optional || !needs.mayBeMissing(error)) throw error;
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
  needs: SourceNeeds;
  /** Milliseconds of the clock that never goes back. */
  deadline: number;
  warnings: string[];
}

async function valuesOf(source: ClaimSource, { needs, deadline, warnings }: Asking): Promise<string[]> {
  const read = compileValue(source.value);
  const values: string[] = [];
  let address: URL | undefined = new URL(source.endpoint);
  for (let page = 1; address; page++) {
    if (page > mostPages || values.length >= mostItems) {
      warnings.push(`${source.claim} is not complete: the answers have too many pages`);
      break;
    }
    if (needs.clock.monotonic() > deadline)
      throw new Error(`${source.claim} took too long`, { cause: { status: 504 } });
    const { body, link } = await needs.get(address);
    for (const item of itemsOf(source, body)) {
      const value = isWanted(source, item) ? read(item) : undefined;
      if (value !== undefined && values.length < mostItems) values.push(value);
    }
    address = nextPage(source, address, body, link);
  }
  return values;
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

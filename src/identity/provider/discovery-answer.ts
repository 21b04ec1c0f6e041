import type { ProviderFetch } from './http.ts';

/**
 * Asks for the metadata of a provider before the library does, so that whatever goes wrong is said with the address that
 * was asked, and with what to do.
 * @param metadataUrl where they are, in place of where the standards put them
 */
export function readMetadata(fetch: ProviderFetch, metadataUrl: string | undefined): ProviderFetch {
  return async (url, options) => {
    const { response, address } = await followWithin(fetch, metadataUrl ?? url, options);
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`${shown(address)} answered ${response.status}${adviceOn(response.status)}`, {
        cause: response,
      });
    }
    const text = await response.text();
    if (!isObject(text)) {
      const cause = { status: 200 };
      throw new Error(
        `${shown(address)} answered something other than the metadata of a provider, which are JSON`,
        {
          cause,
        },
      );
    }
    return new Response(text, { headers: { 'content-type': 'application/json' } });
  };
}

/** So many redirects are followed: from another spelling to the right one, and a few more. */
const mostRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Follows redirects that stay on the origin that was asked. The configuration does not name another origin, which
 * could otherwise say who signs people in.
 */
async function followWithin(
  fetch: ProviderFetch,
  url: string,
  options: Parameters<ProviderFetch>[1],
): Promise<{ response: Response; address: string }> {
  const { origin } = new URL(url);
  let address = url;
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const response = await fetch(address, options);
    const location = redirects.has(response.status) ? response.headers.get('location') : null;
    if (location === null) return { response, address };
    await response.body?.cancel();
    const next = URL.canParse(location, address) ? new URL(location, address) : undefined;
    if (next?.origin !== origin || next.username !== '' || next.password !== '') {
      const where = next === undefined ? 'nowhere' : `${next.origin}${next.pathname}`;
      throw new Error(
        `${shown(address)} redirects to ${where}, another origin, which is not followed: name it by issuer, or metadataUrl, where it is the provider's`,
        { cause: response },
      );
    }
    address = next.href;
  }
  throw new Error(`${shown(url)} redirects more than ${mostRedirects} times`, { cause: { status: 302 } });
}

/** An address may hold a secret in its query. */
const shown = (address: string): string => address.replace(/[?#].*$/s, '');

function adviceOn(status: number): string {
  if (status !== 404 && status !== 410) return '';
  return ": the issuer is the address that the provider calls itself, in front of this one's /.well-known/; where its metadata are elsewhere, metadataUrl says so";
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** What the metadata in an error of the library call the provider; undefined where they are of the right one. */
export function otherIssuerIn(error: unknown): string | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 6; depth++) {
    const { cause } = current;
    if (cause !== null && typeof cause === 'object' && 'attribute' in cause && cause.attribute === 'issuer') {
      const { body } = cause as { body?: { issuer?: unknown } };
      if (typeof body?.issuer === 'string') return body.issuer;
    }
    current = cause;
  }
  return undefined;
}

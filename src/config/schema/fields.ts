import { z } from 'zod';
import { emailDomainItem } from '../../access/email.ts';
import { networkItem } from '../../access/networks.ts';
import { parseProxy, proxyForm } from '../../egress/proxy.ts';
import { parseListenAddress, socketPath } from '../listen-address.ts';
import { parseDuration, parseSize } from '../units.ts';
import { bareOff, flagWords, numberAsText, spelled } from './spellings.ts';

export type { ListenAddress } from '../listen-address.ts';

/**
 * The kinds of value that the configuration knows. Each says in words what it expects, and that sentence
 * serves as the error message for a wrong type and a wrong value alike.
 */

/** A string that `parse` turns into the value used inside; undefined means that it is not valid. */
export function parsed<T>(expected: string, parse: (text: string) => T | undefined) {
  return z.string({ error: expected }).transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: expected, input: text });
    return z.NEVER;
  });
}

export const text = (expected = 'a string') => z.string({ error: expected }).min(1, { error: expected });

/**
 * What a provider issued, such as a client secret. A line break comes along easily from a file or a variable, no client
 * credential can have one (RFC 6749 appendix A), and the provider would only say that the client is unknown.
 */
export const credential = (what: string) => {
  const expected = `${what} without line breaks and other control characters`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
  return text(what).refine((value) => !/[\0-\x1f\x7f]/.test(value), { error: expected });
};

export const duration = () => parsed('a duration such as 30s, 15m, 8h or 7d', parseDuration);

export const size = () => parsed('a size such as 64KiB or 10MiB', parseSize);

/** Values from the environment arrive as text, so `true`, `false` count as what they say. */
export const flag = () => spelled(flagWords, z.boolean({ error: 'true or false' }));

/** How many of something; values from the environment arrive as text. */
export const count = (expected = 'a whole number above 0') =>
  spelled(
    [numberAsText(/^\d{1,9}$/)],
    z.int({ error: expected }).min(1, { error: expected }).max(1_000_000_000, { error: expected }),
  );

function parseUrl(input: string, protocols: readonly string[]): URL | undefined {
  if (!URL.canParse(input)) return undefined;
  const url = new URL(input);
  return protocols.includes(url.protocol) && url.hostname !== '' ? url : undefined;
}

/** An absolute http(s) URL without user name, password or fragment; kept as text. */
export const endpointUrl = () =>
  parsed('an http:// or https:// URL without user name and fragment', (input) => {
    const url = parseUrl(input, ['http:', 'https:']);
    return url && url.username === '' && url.password === '' && url.hash === '' ? input : undefined;
  });

/** The address of a forward proxy, with its scheme; kept as text, which may have credentials. */
export const proxyAddress = () =>
  parsed(proxyForm, (input) =>
    /^https?:\/\//i.test(input) && parseProxy(input) !== undefined ? input : undefined,
  );

/** The same, or `off`: none, whatever the environment says. */
export const proxyOrOff = () =>
  spelled([bareOff], z.union([z.literal('off'), proxyAddress()], { error: `off, or ${proxyForm}` }));

/** The origin of an upstream, scheme, host and port and nothing behind; or `unix:` and the path of a socket. */
export const upstreamUrl = () =>
  parsed(
    'an http:// or https:// URL of host and port only, such as http://legacy:8080, or unix:/path/to/socket (107 bytes at most)',
    (input) => {
      if (input.startsWith('unix:')) return socketPath(input) && input;
      const url = parseUrl(input, ['http:', 'https:']);
      const bare = url && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
      return bare && url.password === '' ? url.origin : undefined;
    },
  );

/** An origin that browsers see, such as https://app.example.com; a trailing slash is forgiven. */
export const publicOrigin = () =>
  parsed('an origin such as https://app.example.com, without a path', (input) => {
    const url = parseUrl(input, ['http:', 'https:']);
    const bare = url && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
    return bare ? url.origin : undefined;
  });

export const listenAddress = () =>
  parsed('host:port such as 127.0.0.1:4180, or unix:/path/to/socket (107 bytes at most)', parseListenAddress);

export const network = () => parsed(networkItem.item, networkItem.parse);

/** RFC 9110 §5.1: a field name is a token. */
export const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export const emailDomain = () => parsed(emailDomainItem.item, emailDomainItem.parse);

/** One value or a list of values; always a list inside. */
export function oneOrMore<T extends z.ZodType>(item: T, expected: string) {
  return z
    .union([item, z.array(item).min(1, { error: expected })], { error: expected })
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<T>[]);
}

/** A dotted path into the claims, such as `realm_access.roles`. */
export const claimPath = () =>
  parsed('a claim such as email, or a dotted path such as realm_access.roles', (input) =>
    /^[^.\s{}|]+(\.[^.\s{}|]+)*$/.test(input) ? input : undefined,
  );

/** The name of a host, or a wildcard for what is below one; in lower case. */
export const hostName = () =>
  parsed('a host name such as app.example.com or *.example.com, without port', (input) => {
    const name = input.toLowerCase().replace(/^\*\./, '');
    return /^(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*)$/.test(
      name,
    )
      ? input.toLowerCase()
      : undefined;
  });

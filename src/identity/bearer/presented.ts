import { GatewayError } from '../../errors.ts';
import type { Inbound } from '../../listen/inbound.ts';
import { text } from '../../pages/texts/text.ts';

/** An access token as a request brings it. */
export interface Presented {
  scheme: 'Bearer' | 'DPoP';
  /** Not looked at yet: any text, and of any length. */
  token: string;
}

/**
 * The access token in the Authorization header; undefined where there is none. Tokens in the query or the body
 * (RFC 6750 §2.2, §2.3) are never looked for: they end up in logs and histories. Throws GatewayError 400 for
 * two Authorization headers, of which Node would show only the first.
 */
export function readPresented({
  headers,
  rawHeaders,
}: Pick<Inbound, 'headers' | 'rawHeaders'>): Presented | undefined {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  const values = authorizationsOf(rawHeaders);
  const [scheme] = values.map(schemeOf).filter((known) => known !== undefined);
  if (scheme === undefined) return undefined;
  if (values.length > 1) {
    throw new GatewayError('malformed_request', {
      detail: text('detail.authorization_twice'),
      challenge: 'Bearer error="invalid_request"',
    });
  }
  return { scheme, token: authorization.slice(scheme.length).trim() };
}

function authorizationsOf(rawHeaders: readonly string[]): string[] {
  const values: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === 13 && name.toLowerCase() === 'authorization') values.push(rawHeaders[at + 1] ?? '');
  }
  return values;
}

function schemeOf(authorization: string): Presented['scheme'] | undefined {
  if (/^bearer(\s|$)/i.test(authorization)) return 'Bearer';
  return /^dpop(\s|$)/i.test(authorization) ? 'DPoP' : undefined;
}

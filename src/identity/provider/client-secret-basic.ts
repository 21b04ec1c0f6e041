import type { ClientAuth } from 'openid-client';

/**
 * HTTP Basic authentication of the client (RFC 6749 §2.3.1). The standard has id and secret form-encoded first, and
 * many providers do not decode them: so only what has to be encoded is. What RFC 3986 §2.3 calls unreserved stays,
 * which covers nearly every secret; a blank becomes `%20`, which both kinds of decoders understand.
 */
export function clientSecretBasic(secret: string): ClientAuth {
  return (_server, { client_id: id }, _body, headers) => {
    const credentials = `${encode(id)}:${encode(secret)}`;
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
  };
}

/** `encodeURIComponent` leaves a few characters that are reserved. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

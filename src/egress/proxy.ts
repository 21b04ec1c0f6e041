/** A forward proxy (RFC 9110 §9.3.6) that connections go through. */
export interface ForwardProxy {
  /** Scheme, host and port: what people may read of it. */
  name: string;
  host: string;
  port: number;
  /** The connection to the proxy itself is TLS. */
  isSecure: boolean;
  /** The value of `Proxy-Authorization` (RFC 9110 §11.7.2), where its address has credentials. */
  authorization: string | undefined;
}

export const proxyForm =
  'the address of an http:// or https:// proxy such as http://proxy.example.com:3128, with user:password@ where it asks';

/** Reads the address of a proxy; undefined for what is none. Without a scheme it is http, as curl and Go have it. */
export function parseProxy(text: string): ForwardProxy | undefined {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (/[\s\\]/.test(address) || !URL.canParse(address)) return undefined;
  const { protocol, hostname, port, pathname, search, hash, username, password } = new URL(address);
  const isSecure = protocol === 'https:';
  if ((!isSecure && protocol !== 'http:') || hostname === '') return undefined;
  if (pathname !== '/' || search !== '' || hash !== '') return undefined;
  const credentials = credentialsOf(username, password);
  if (credentials === undefined) return undefined;
  const number = port === '' ? (isSecure ? 443 : 80) : Number(port);
  return {
    name: `${protocol}//${hostname}:${number}`,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: number,
    isSecure,
    authorization:
      credentials === '' ? undefined : `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`,
  };
}

/** User and password as they are sent (RFC 7617 §2); empty for none, undefined for what cannot be sent. */
function credentialsOf(username: string, password: string): string | undefined {
  if (username === '' && password === '') return '';
  try {
    const user = decodeURIComponent(username);
    // It ends at the first colon.
    return user.includes(':') ? undefined : `${user}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

/** The texts of a proxy's address that nobody may read: its credentials, in each form in which they are sent. */
export function proxySecrets(text: string): string[] {
  const proxy = parseProxy(text);
  if (proxy?.authorization === undefined) return [];
  const basic = proxy.authorization.slice('Basic '.length);
  const [user = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':');
  const password = rest.join(':');
  // A user name alone is a token.
  return [basic, password === '' ? user : password];
}

import { hopByHopHeaders } from './hop-by-hop.ts';

/**
 * CGI, WSGI and PHP make one variable of `X-Forwarded-User`, `X_Forwarded_User` and, in some servers, of any other
 * spelling with signs between the letters. Names that become one there are one here.
 */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

/** What becomes of a header of the request on its way upstream. */
export type Treatment =
  | 'drop'
  /** Goes on where a trusted peer vouches for it (`trustedProxies[].headers`). */
  | 'vouched'
  /** Goes on, or into the gateway's own, where the peer is trusted. */
  | 'forwarded'
  | 'cookie'
  /** An address of the gateway, which is said as the upstream knows it. */
  | 'destination'
  | 'host'
  | 'pass';

/** What a trusted front says of its side of the connection; it says nothing of who somebody is. */
const forwardable: ReadonlySet<string> = new Set(
  ['for', 'host', 'proto', 'port', 'prefix', 'server', 'scheme', 'ssl'].map((what) => `x-forwarded-${what}`),
);

/**
 * What applications believe because a front is thought to have said it, as folded names. No list can know every
 * name, so kinds are told by their words where that hits no ordinary header.
 */
const believed: readonly RegExp[] = [
  // Who sent the request, by address: X-Real-IP, True-Client-IP, CF-Connecting-IPv6, X-Azure-ClientIP, Remote-Addr.
  /(^|-)(client|socket|real|remote|user|src|source|cdn)?ip(v[46])?$/,
  /(^|-)(client|remote|real|peer|source|src|user|viewer|external|original|originating)-(addr|address|host|port)$/,
  /(^|-)forward(ed)?(-|$)/,
  /^x-coming-from$/,
  // Where it goes: X-Original-URL of IIS and Symfony, X-Rewrite-URL, X-Script-Name of WSGI, X-Host.
  /^x-original-(url|uri|host|method|path|port|proto|scheme|query|args|prefix|location|request-uri)$/,
  /^x-(rewrite|override|rewrote)-/,
  /^(x-)?(http-)?(host-override|destinationurl|proxy-url|request-uri|path-info|script-name|path-translated)$/,
  /^x-(host|scheme|url-scheme|proxy-host|http-host|http-path-override)$/,
  /^front-end-https$/,
  /^(x-accel-|x-sendfile-type$)/,
  // Who sent it, by name: Remote-User and what Authelia adds, oauth2-proxy, authentik, Pomerium, Grafana, clouds.
  /^(x-)?(remote|webauth|authenticated|authentik|authelia|pomerium|vouch|shib|oidc|tailscale)-/,
  /^x-auth-(request|user|username|userid|name|email|group|groups|role|roles|subject|principal)(-|$)/,
  /^(x-)?(auth|logon|proxy)-user$/,
  /^x-(goog-authenticated|goog-iap|amzn-oidc|amzn-mtls|ms-client-principal|ms-token|consumer|credential|appengine)(-|$)/,
  /^cf-access-/,
  // The certificate that it came with: Ssl-Client-*, X-SSL-*, Client-Cert (RFC 9440), X-ARR-ClientCert.
  /^(x-)?(ssl|tls|mtls)-/,
  /^(x-)?(arr-)?client-?(cert|certificate|verify|dn|s-dn|i-dn|subject|issuer)(-|$)/,
  /^x-arr-ssl$/,
  /^x-envoy-/,
  // RFC 3875 makes HTTP_PROXY of it, which many programs take for their own proxy.
  /^proxy$/,
];

/**
 * What becomes of a header of this name.
 * @param owned every folded name that the gateway sets or removes on some route
 */
export function treatmentOf(name: string, owned: ReadonlySet<string>): Treatment {
  const lower = name.toLowerCase();
  const folded = foldName(name);
  if (owned.has(folded) || hopByHopHeaders.has(folded) || folded === 'x-request-id') return 'drop';
  if (folded === 'host') return 'host';
  if (folded === 'cookie') return 'cookie';
  if (folded === 'destination') return 'destination';
  // The usual spelling of these says how to read the body; another one wants to say so to somebody else.
  if (folded.startsWith('content-')) return lower === folded ? 'pass' : 'drop';
  if (forwardable.has(folded)) return lower === folded ? 'forwarded' : 'drop';
  return believed.some((kind) => kind.test(folded)) ? 'vouched' : 'pass';
}

/** Whether a trusted proxy can vouch for a header; what frames and routes a message is never its to say. */
export function canBeVouchedFor(name: string): boolean {
  const treatment = treatmentOf(name, new Set());
  return (treatment === 'vouched' || treatment === 'pass') && !foldName(name).startsWith('content-');
}

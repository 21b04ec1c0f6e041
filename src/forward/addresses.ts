/** What is needed to tell the addresses of an application as browsers have to ask for them. */
export interface AddressPolicy {
  /** The upstream's origins. */
  upstreamOrigins: readonly string[];
  /** A path of the upstream as browsers have to ask for it; undefined where there is no such path. */
  toPublicPath(path: string): string | undefined;
}

type Readdress = (value: string, publicOrigin: string) => string;

/**
 * Gives the value of a header with the addresses in it as browsers have to ask for them.
 * @param name `location`, `content-location`, `refresh` or `link`
 */
export type AddressMapper = (name: string, value: string, publicOrigin: string) => string;

/** `scheme://host:port`, the scheme or the port left out, and the rest. */
const absolute = /^(?:(https?):)?\/\/(\[[0-9a-f:.]+\]|[^/?#:@\\[\]]+)(?::(\d{0,5}))?([/?#].*)?$/is;

/** Seconds, then the address, with quotes or without. */
const refresh = /^([\d.]*[ \t]*[;,]?[ \t]*(?:url[ \t]*=[ \t]*)?)(["']?)([^"']*)(.*)$/is;

/** A quoted text, which may hold anything, or an address (RFC 8288 §3). */
const linkPart = /"(?:[^"\\]|\\.)*"|<([^<>]*)>/gs;

const portOf = (scheme: string, port: string | undefined): string =>
  port || (scheme === 'https' ? '443' : '80');

interface Place {
  scheme: string;
  host: string;
  port: string;
}

/** Host and port of an origin, with the port spelt out. */
function placeOf(origin: string): Place {
  const { protocol, hostname, port } = new URL(origin);
  const scheme = protocol.slice(0, -1);
  return { scheme, host: hostname, port: portOf(scheme, port) };
}

/**
 * An application that builds addresses from its own means the address that the browser sees, and so does one that
 * builds them from the browser's Host and takes its own scheme for the browser's.
 */
export function compileAddresses({ upstreamOrigins, toPublicPath }: AddressPolicy): AddressMapper {
  const upstreams = upstreamOrigins.map(placeOf);
  const publicPlaces = new Map<string, Place>();
  const publicPlace = (origin: string): Place => {
    const place = publicPlaces.get(origin) ?? placeOf(origin);
    publicPlaces.set(origin, place);
    return place;
  };
  const isOurs = (
    named: string | undefined,
    host: string,
    port: string | undefined,
    publicOrigin: string,
  ) => {
    if (upstreams.some((each) => each.host === host && each.port === portOf(named ?? each.scheme, port)))
      return true;
    const own = publicPlace(publicOrigin);
    if (named !== 'http' || own.scheme !== 'https' || own.host !== host) return false;
    return portOf('http', port) === own.port || (own.port === '443' && portOf('http', port) === '80');
  };
  const readdress: Readdress = (value, publicOrigin) => {
    if (value.startsWith('/') && !value.startsWith('//')) return toPublicPath(value) ?? value;
    const [, scheme, host = '', port, rest = ''] = absolute.exec(value) ?? [];
    if (host === '' || !isOurs(scheme?.toLowerCase(), host.toLowerCase(), port, publicOrigin)) return value;
    return publicOrigin + (rest.startsWith('/') ? (toPublicPath(rest) ?? rest) : rest);
  };
  const refreshed: Readdress = (value, publicOrigin) =>
    value.replace(
      refresh,
      (_, before: string, quote: string, address: string, after: string) =>
        before + quote + readdress(address, publicOrigin) + after,
    );
  const linked: Readdress = (value, publicOrigin) =>
    value.replace(linkPart, (part: string, address: string | undefined) =>
      address === undefined ? part : `<${readdress(address, publicOrigin)}>`,
    );
  return (name, value, publicOrigin) => {
    const map = name === 'refresh' ? refreshed : name === 'link' ? linked : readdress;
    return map(value, publicOrigin);
  };
}

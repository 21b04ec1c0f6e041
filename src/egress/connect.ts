import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { openProxyTunnel } from './open-tunnel.ts';
import type { ForwardProxy } from './proxy.ts';

export type ConnectSettings = Omit<buildConnector.BuildOptions, 'timeout'> & {
  /** Milliseconds for the connection, and for the way through a proxy. */
  timeout: number;
  /** HTTP/2 is spoken without TLS. */
  useH2c?: boolean;
  /** PEM: what the certificate of an https proxy is checked against; the usual authorities when absent. */
  proxyCa?: string | string[] | undefined;
};

/**
 * Opens connections, as undici's `connect` option takes it: directly, or by way of a proxy. TLS is spoken with the other
 * end in both cases, and its certificate is checked as without a proxy.
 * @param wayTo says which proxy an address has
 */
export function createConnect(
  wayTo: (url: URL) => ForwardProxy | undefined,
  { proxyCa, ...settings }: ConnectSettings,
): buildConnector.connector {
  const direct = buildConnector(settings);
  const { timeout } = settings;
  return (options, done) => {
    const { protocol, hostname, port } = options;
    const bare = hostname.replace(/^\[|\]$/g, '');
    const host = bare.includes(':') ? `[${bare}]` : bare;
    const number = port || (protocol === 'https:' ? '443' : '80');
    const proxy = wayTo(new URL(`${protocol}//${host}:${number}`));
    if (!proxy) {
      direct(options, done);
      return;
    }
    openProxyTunnel(proxy, `${host}:${number}`, { timeout, ca: proxyCa }, (error, socket) => {
      if (!socket) done(error ?? new Error('no connection'), null);
      else if (protocol === 'https:') direct({ ...options, httpSocket: socket }, done);
      else done(null, asPlain(socket, settings));
    });
  };
}

/** What undici does to a connection without TLS that it opens itself. */
function asPlain(socket: Socket, { useH2c }: Pick<ConnectSettings, 'useH2c'>): Socket {
  socket.setKeepAlive(true, 60_000);
  socket.setNoDelay(true);
  // It is by this that undici knows what is spoken.
  if (useH2c) Object.assign(socket, { alpnProtocol: 'h2' });
  return socket;
}

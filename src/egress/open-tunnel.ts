import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { ForwardProxy } from './proxy.ts';

/** A way through a proxy that could not be had. It names the proxy, and never its credentials. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /** Of the network: nothing of the other end is known. */
  readonly code: 'EPROXY' | 'ETIMEDOUT';

  constructor(message: string, code: ProxyError['code'] = 'EPROXY') {
    super(message);
    this.code = code;
  }
}

export interface TunnelSettings {
  /** Milliseconds until the proxy has answered. */
  timeout: number;
  /** PEM: what the certificate of an https proxy is checked against; the usual authorities when absent. */
  ca?: string | string[] | undefined;
}

/**
 * Asks a proxy for a way to an address (CONNECT, RFC 9110 §9.3.6). What passes on it is the other end's, byte for byte,
 * so that a proxy can neither read what is TLS nor change a path. Calls back with a ProxyError, or the connection.
 * @param place host and port
 */
export function openProxyTunnel(
  proxy: ForwardProxy,
  place: string,
  { timeout, ca }: TunnelSettings,
  done: (error: ProxyError | null, socket?: Socket) => void,
): void {
  const send = proxy.isSecure ? httpsRequest : httpRequest;
  const asked = send({
    host: proxy.host,
    port: proxy.port,
    method: 'CONNECT',
    path: place,
    headers: {
      host: place,
      // Without it, a proxy may take the request for the last thing on its connection.
      connection: 'keep-alive',
      'proxy-connection': 'keep-alive',
      ...(proxy.authorization !== undefined && { 'proxy-authorization': proxy.authorization }),
    },
    agent: false,
    // Of silence, in each of the phases.
    timeout,
    ...(ca !== undefined && { ca }),
  });
  let isDone = false;
  const settle = (error: ProxyError | null, socket?: Socket) => {
    if (isDone) return;
    isDone = true;
    done(error, socket);
  };
  asked.on('timeout', () => {
    settle(new ProxyError(`the proxy ${proxy.name} did not answer in time`, 'ETIMEDOUT'));
    asked.destroy();
  });
  asked.on('error', (cause) =>
    settle(new ProxyError(`the proxy ${proxy.name} cannot be reached: ${describe(cause)}`)),
  );
  asked.on('connect', ({ statusCode = 0 }, socket: Socket, head: Buffer) => {
    const refusal = refusalOf(proxy, place, statusCode);
    if (refusal !== undefined || isDone) {
      socket.on('error', () => {}).destroy();
      settle(new ProxyError(refusal ?? 'nobody waits any more'));
      return;
    }
    socket.setTimeout(0);
    if (head.length > 0) socket.unshift(head);
    settle(null, socket);
  });
  asked.end();
}

function refusalOf({ name }: ForwardProxy, place: string, status: number): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status === 407) return `the proxy ${name} does not take these credentials, or asks for some (407)`;
  if (status === 403) return `the proxy ${name} does not allow connections to ${place} (403)`;
  return `the proxy ${name} gave no connection to ${place} (${status})`;
}

/** Of an error of the network, what it was; never more than its code where it has one. */
const describe = (error: Error): string => (error as NodeJS.ErrnoException).code ?? error.message;

import { connect } from 'node:net';

/** What a client may choose freely, made up from a seed: the same one gives the same requests. */
export function floodOf(count: number, seed: number): string[] {
  let state = seed >>> 0;
  // Numerical Recipes' generator, which is as random as this needs.
  const next = (most: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % most;
  };
  const word = () => next(2 ** 31).toString(36);
  const methods = [
    ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    ...['PROPFIND', 'MKCOL', 'REPORT', 'PURGE', 'M-SEARCH', 'LOCK', 'SEARCH', 'TRACE', 'QUERY'],
  ];
  const paths = [
    () => `/${word()}/${word()}?${word()}`,
    () => `/api/${word()}`,
    () => `/oauth2/${word()}`,
    () => `/%2e%2e/${word()}`,
    () => '/oauth2/userinfo',
    () => `//${word()}\\${word()}`,
  ];
  return Array.from({ length: count }, () => {
    const method = next(20) === 0 ? word().toUpperCase().replace(/\d/g, 'X') : methods[next(methods.length)];
    const path = paths[next(paths.length)]?.();
    const host = next(4) === 0 ? `${word()}.example` : undefined;
    const user = Buffer.from(`${word()}:${word()}`).toString('base64');
    const authorization = next(2) === 0 ? `Basic ${user}` : `Bearer ${word()}.${word()}.${word()}`;
    return [
      `${method} ${path} HTTP/1.1`,
      `Host: ${host ?? 'HOST'}`,
      `Authorization: ${authorization}`,
      `User-Agent: ${word()}`,
      `X-Forwarded-For: ${next(256)}.${next(256)}.${next(256)}.${next(256)}`,
      `Cookie: ${word()}=${word()}`,
      'Content-Length: 0',
      'Connection: close',
      '\r\n',
    ].join('\r\n');
  });
}

/** Sends each on a connection of its own, some of them at once; resolves with how many had an answer. */
export async function sendFlood(url: string, requests: readonly string[], atOnce = 32): Promise<number> {
  const { hostname, port, host } = new URL(url);
  let at = 0;
  let answered = 0;
  const send = (text: string) =>
    new Promise<void>((resolve) => {
      const socket = connect({ host: hostname, port: Number(port) }, () =>
        socket.write(text.replace('Host: HOST', `Host: ${host}`)),
      );
      socket.once('data', () => answered++);
      socket.on('error', () => {});
      socket.on('data', () => {});
      socket.on('close', () => resolve());
    });
  const one = async () => {
    while (at < requests.length) await send(requests[at++] as string);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return answered;
}

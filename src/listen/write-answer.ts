import type { Answer } from '../pages/answer.ts';
import type { Outbound } from './inbound.ts';

/** How an answer of the gateway itself becomes bytes, whichever way it leaves. */

/** Its headers, with the length of its body; a 204 has neither (RFC 9110 §8.6). */
function framedHeaders({ status, headers, body }: Answer): Answer['headers'] {
  return status === 204 ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) };
}

/** A text whose characters are the bytes of another one. */
const asBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/**
 * Sends it through HTTP; nothing, where something was sent or the client has gone. Gives how many bytes of a body it
 * has; undefined where nothing was sent.
 */
export function writeAnswer(response: Outbound, answer: Answer): number | undefined {
  if (response.headersSent || response.destroyed) return undefined;
  response.writeHead(answer.status, framedHeaders(answer));
  const { socket } = response;
  const { body } = answer;
  const isHead = response.req.method === 'HEAD';
  const bytes = isHead ? 0 : Buffer.byteLength(body);
  if (!socket || bytes === 0) {
    response.end(isHead ? undefined : body);
    return bytes;
  }
  // Head and bytes leave as one text of characters that are bytes. A list of pieces costs a third of a refused request
  // more, and half of one with a page (`node bench/limits/refused.mjs`).
  socket.cork();
  response.write(bytes === body.length ? body : asBytes(body), 'latin1');
  socket.uncork();
  response.end();
  return bytes;
}

/**
 * As bytes, for connections that have no response object; it ends the connection.
 * @param now milliseconds since the epoch
 */
export function wireFormat(answer: Answer, now: number): string {
  const headers = { ...framedHeaders(answer), connection: 'close', date: new Date(now).toUTCString() };
  let text = `HTTP/1.1 ${answer.status} \r\n`;
  for (const [name, value] of Object.entries(headers)) {
    for (const line of [value].flat()) text += `${name}: ${line}\r\n`;
  }
  return `${text}\r\n${asBytes(answer.body)}`;
}

import type { Socket } from 'node:net';
import { startApacheFront, startNginxFront } from './fronts.ts';

/*
 * Answers as old servers give them: against the standard, and yet of one meaning. And answers that two readers
 * read differently, which no proxy should pass on.
 */

const crlf = (...lines: string[]): string => lines.map((line) => `${line}\r\n`).join('');
const lf = (...lines: string[]): string => lines.map((line) => `${line}\n`).join('');
const ok = 'HTTP/1.1 200 OK';

/** One meaning, and the body is `hello`. */
export const oddAnswers: Readonly<Record<string, string>> = {
  'a reason in Latin-1': `${crlf('HTTP/1.1 200 D\xe9j\xe0 vu', 'Content-Length: 5', '')}hello`,
  'a reason in UTF-8': `${crlf('HTTP/1.1 200 D\xc3\xa9j\xc3\xa0 \xe2\x82\xac', 'Content-Length: 5', '')}hello`,
  'no reason, and no blank': `${crlf('HTTP/1.1 200', 'Content-Length: 5', '')}hello`,
  'a tab in the reason': `${crlf('HTTP/1.1 200 O\tK', 'Content-Length: 5', '')}hello`,
  'a control character in the reason': `${crlf('HTTP/1.1 200 O\x01K', 'Content-Length: 5', '')}hello`,
  'HTTP/1.0 with a length': `${crlf('HTTP/1.0 200 OK', 'Content-Length: 5', '')}hello`,
  'HTTP/1.0 until the end': `${crlf('HTTP/1.0 200 OK', '')}hello`,
  'an unasked 100': `${crlf('HTTP/1.1 100 Continue', '', ok, 'Content-Length: 5', '')}hello`,
  'three 100': `${crlf('HTTP/1.1 100 Continue', '').repeat(3)}${crlf(ok, 'Content-Length: 5', '')}hello`,
  'a 100 with headers': `${crlf('HTTP/1.1 100 Continue', 'X-A: b', '', ok, 'Content-Length: 5', '')}hello`,
  'a 102': `${crlf('HTTP/1.1 102 Processing', '', ok, 'Content-Length: 5', '')}hello`,
  '102, 103, 100 and 103': `${crlf('HTTP/1.1 102 Processing', '', 'HTTP/1.1 103 Early Hints', 'Link: </a>', '', 'HTTP/1.1 100 Continue', '', 'HTTP/1.1 103 Early Hints', '', ok, 'Content-Length: 5', '')}hello`,
  'a 199': `${crlf('HTTP/1.1 199 What', '', ok, 'Content-Length: 5', '')}hello`,
  'LF alone': `${lf(ok, 'Content-Type: text/plain', 'Content-Length: 5', '')}hello`,
  'LF alone until the end': `${lf(ok, 'Content-Type: text/plain', '')}hello`,
  'LF alone with chunks': `${lf(ok, 'Transfer-Encoding: chunked', '')}5\nhello\n0\n\n`,
  'LF alone with proper chunks': `${lf(ok, 'Transfer-Encoding: chunked', '')}5\r\nhello\r\n0\r\n\r\n`,
  'LF alone with a 100': `${lf('HTTP/1.1 100 Continue', '', ok, 'Content-Length: 5', '')}hello`,
  'a status line with CRLF, the rest with LF': `${crlf(ok)}${lf('Content-Type: text/plain', 'Content-Length: 5', '')}hello`,
  'a status line with LF, the rest with CRLF': `${lf(ok)}${crlf('Content-Type: text/plain', 'Content-Length: 5', '')}hello`,
  'one header with LF': `${crlf(ok)}${lf('X-A: b')}${crlf('Content-Length: 5', '')}hello`,
  'the empty line with LF': `${crlf(ok, 'Content-Length: 5')}\nhello`,
  'CRLF in the head, LF in the chunks': `${crlf(ok, 'Transfer-Encoding: chunked', '')}5\nhello\n0\n\n`,
  'a folded header': `${crlf(ok, 'X-Long: a', ' b', 'Content-Length: 5', '')}hello`,
  'a header folded with a tab': `${crlf(ok, 'X-Long: a', '\tb', '\t  c', 'Content-Length: 5', '')}hello`,
  'a header that begins folded': `${crlf(ok, 'X-Long:', ' b', 'Content-Length: 5', '')}hello`,
  'a folded header at the end': `${crlf(ok, 'Content-Length: 5', 'X-Long: a', ' b', '')}hello`,
  'a folded cookie': `${crlf(ok, 'Set-Cookie: a=b;', '  path=/', 'Content-Length: 5', '')}hello`,
  'a folded header with LF': `${lf(ok, 'X-Long: a', ' b', 'Content-Length: 5', '')}hello`,
  'a blank before the colon': `${crlf(ok, 'X-A : b', 'Content-Length: 5', '')}hello`,
  'a tab before the colon': `${crlf(ok, 'X-A\t: b', 'Content-Length: 5', '')}hello`,
  'a control character in a value': `${crlf(ok, 'X-A: b\x01c', 'Content-Length: 5', '')}hello`,
  'an escape in a value': `${crlf(ok, 'X-A: \x1b[1m', 'Content-Length: 5', '')}hello`,
  'a DEL in a value': `${crlf(ok, 'X-A: b\x7fc', 'Content-Length: 5', '')}hello`,
  'a form feed in a cookie': `${crlf(ok, 'Set-Cookie: a=b\x0c', 'Content-Length: 5', '')}hello`,
  'Latin-1 in a value': `${crlf(ok, 'X-A: d\xe9j\xe0', 'Content-Length: 5', '')}hello`,
  'Latin-1 in a name': `${crlf(ok, 'X\xe9A: b', 'Content-Length: 5', '')}hello`,
  'brackets in a name': `${crlf(ok, 'X(A): b', 'Content-Length: 5', '')}hello`,
  'a line without a colon': `${crlf(ok, 'nonsense', 'Content-Length: 5', '')}hello`,
  'an empty value': `${crlf(ok, 'X-A:', 'Content-Length: 5', '')}hello`,
  'a chunk size padded with blanks': `${crlf(ok, 'Transfer-Encoding: chunked', '')}5   \r\nhello\r\n0\r\n\r\n`,
  'a chunk size padded with tabs': `${crlf(ok, 'Transfer-Encoding: chunked', '')}5\t\r\nhello\r\n0 \r\n\r\n`,
  'a last chunk padded with blanks': `${crlf(ok, 'Transfer-Encoding: chunked', '')}5\r\nhello\r\n0   \r\n\r\n`,
  'blanks before a chunk extension': `${crlf(ok, 'Transfer-Encoding: chunked', '')}5 ;a=b\r\nhello\r\n0\r\n\r\n`,
  'a chunk size with zeros': `${crlf(ok, 'Transfer-Encoding: chunked', '')}00000005\r\nhello\r\n0000\r\n\r\n`,
  'a chunk size with many zeros': `${crlf(ok, 'Transfer-Encoding: chunked', '')}${'0'.repeat(30)}5\r\nhello\r\n0\r\n\r\n`,
  'identity with a length': `${crlf(ok, 'Transfer-Encoding: identity', 'Content-Length: 5', '')}hello`,
  'identity without a length': `${crlf(ok, 'Transfer-Encoding: identity', '')}hello`,
  'identity and chunked': `${crlf(ok, 'Transfer-Encoding: identity, chunked', '')}5\r\nhello\r\n0\r\n\r\n`,
  'an empty coding with a length': `${crlf(ok, 'Transfer-Encoding:', 'Content-Length: 5', '')}hello`,
  'Chunked in capitals': `${crlf(ok, 'Transfer-Encoding: CHUNKED', '')}5\r\nhello\r\n0\r\n\r\n`,
  'an equal length twice': `${crlf(ok, 'Content-Length: 5', 'Content-Length: 5', '')}hello`,
  'an equal length twice in a line': `${crlf(ok, 'Content-Length: 5, 5', '')}hello`,
  'a length beside chunks': `${crlf(ok, 'Content-Length: 5', 'Transfer-Encoding: chunked', '')}5\r\nhello\r\n0\r\n\r\n`,
  'chunks beside another length': `${crlf(ok, 'Transfer-Encoding: chunked', 'Content-Length: 20', '')}5\r\nhello\r\n0\r\n\r\n`,
  'chunked in two lines': `${crlf(ok, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', '')}5\r\nhello\r\n0\r\n\r\n`,
  'chunked twice in a line': `${crlf(ok, 'Transfer-Encoding: chunked, chunked', '')}5\r\nhello\r\n0\r\n\r\n`,
  'gzip, chunked': `${crlf(ok, 'Transfer-Encoding: gzip, chunked', '')}5\r\nhello\r\n0\r\n\r\n`,
  'an empty line before': `\r\n${crlf(ok, 'Content-Length: 5', '')}hello`,
  'two blanks in the status line': `${crlf('HTTP/1.1  200 OK', 'Content-Length: 5', '')}hello`,
  'another version': `${crlf('HTTP/1.2 200 OK', 'Content-Length: 5', '')}hello`,
  'blanks behind the length': `${crlf(ok, 'Content-Length: 5  ', '')}hello`,
  'tabs around the length': `${crlf(ok, 'Content-Length:\t5\t', '')}hello`,
  'a length with zeros': `${crlf(ok, 'Content-Length: 005', '')}hello`,
  'more bytes than the length': `${crlf(ok, 'Content-Length: 5', '')}hello and more`,
  'a trailer beside chunks': `${crlf(ok, 'Transfer-Encoding: chunked', '')}5\r\nhello\r\n0\r\nX-A: b\r\n\r\n`,
  'an Upgrade with 200': `${crlf(ok, 'Connection: Upgrade', 'Upgrade: h2c', 'Content-Length: 5', '')}hello`,
};

const smuggled = `${crlf(ok, 'Content-Length: 8', '')}smuggled`;

/** Several meanings, or none: what is a body to one reader is another answer to the next. */
export const ambiguousAnswers: Readonly<Record<string, string>> = {
  'two lengths': `${crlf(ok, 'Content-Length: 5', 'Content-Length: 6', '')}hello!`,
  'two lengths in a line': `${crlf(ok, 'Content-Length: 5, 6', '')}hello!`,
  'lengths that are numerically one': `${crlf(ok, 'Content-Length: 5', 'Content-Length: 05', '')}hello`,
  'a length with a sign': `${crlf(ok, 'Content-Length: +5', '')}hello`,
  'a negative length': `${crlf(ok, 'Content-Length: -5', '')}hello`,
  'a length in hexadecimal': `${crlf(ok, 'Content-Length: 0x5', '')}hello`,
  'a length with a blank in it': `${crlf(ok, 'Content-Length: 5 5', '')}hello`,
  'a length beyond every number': `${crlf(ok, 'Content-Length: 99999999999999999999999', '')}hello`,
  'a word as length': `${crlf(ok, 'Content-Length: five', '')}hello`,
  'an empty length': `${crlf(ok, 'Content-Length:', '')}hello`,
  'a control character in the length': `${crlf(ok, 'Content-Length: 5\x01', '')}hello`,
  'a vertical tab before chunked': `${crlf(ok, 'Transfer-Encoding: \x0bchunked', 'Content-Length: 5', '')}5\r\nhello\r\n0\r\n\r\n`,
  'a NUL in chunked': `${crlf(ok, 'Transfer-Encoding: chun\0ked', 'Content-Length: 5', '')}hello`,
  'a control character in the name of the length': `${crlf(ok, 'Content-Length\x01: 50', 'Content-Length: 5', '')}hello`,
  'a folded length': `${crlf(ok, 'Content-Length:', ' 5', '')}hello`,
  'a length folded behind': `${crlf(ok, 'Content-Length: 1', ' 5', '')}hello`,
  'a folded coding': `${crlf(ok, 'Transfer-Encoding:', ' chunked', 'Content-Length: 5', '')}5\r\nhello\r\n0\r\n\r\n`,
  'a coding in a fold': `${crlf(ok, 'X-A: b', ' Transfer-Encoding: chunked', 'Content-Length: 5', '')}hello`,
  'a fold before any header': `${crlf(ok, ' Content-Length: 5', 'Content-Length: 6', '')}hello!`,
  'a bare carriage return': `${crlf(ok, 'X-A: b\rContent-Length: 5', 'Content-Length: 6', '')}hello!`,
  'another length behind a line feed alone': `${crlf(ok, 'X-A: b\nContent-Length: 2', 'Content-Length: 5', '')}hello`,
  'a length behind a line feed alone that cuts the body': `${crlf(ok, 'X-A: b\nContent-Length: 2', '')}hello`,
  'an answer split by line feeds': `${crlf(ok, `X-A: b\n\n${smuggled}`, 'Content-Length: 5', '')}hello`,
  'an answer split by line feeds, with a length': `${crlf(ok, 'X-A: b\nContent-Length: 8\n\nsmuggled', 'Content-Length: 5', '')}hello`,
  'chunked not last, with a length': `${crlf(ok, 'Transfer-Encoding: chunked, identity', 'Content-Length: 5', '')}5\r\nhello\r\n0\r\n\r\n`,
  'a coding that nobody knows, with a length': `${crlf(ok, 'Transfer-Encoding: xchunked', 'Content-Length: 5', '')}hello`,
  'chunked in quotes, with a length': `${crlf(ok, 'Transfer-Encoding: "chunked"', 'Content-Length: 5', '')}hello`,
  'chunked beside a length that is none': `${crlf(ok, 'Transfer-Encoding: chunked', 'Content-Length: 5, 6', '')}5\r\nhello\r\n0\r\n\r\n`,
  'chunks beside LF and a length behind it': `${crlf(ok, 'X-A: b\nTransfer-Encoding: chunked', 'Content-Length: 5', '')}5\r\nhello\r\n0\r\n\r\n`,
  'a blank before the colon of the length': `${crlf(ok, 'Content-Length : 5', '')}hello`,
  'a blank before the colon of the coding': `${crlf(ok, 'Transfer-Encoding : chunked', '')}5\r\nhello\r\n0\r\n\r\n`,
  'a NUL in a value': `${crlf(ok, 'X-A: b\0c', 'Content-Length: 5', '')}hello`,
  'a control character in a name': `${crlf(ok, 'X\x01A: b', 'Content-Length: 5', '')}hello`,
  'a blank in a name': `${crlf(ok, 'X A: b', 'Content-Length: 5', '')}hello`,
  'an empty name': `${crlf(ok, ': b', 'Content-Length: 5', '')}hello`,
  'a small http': `${crlf('http/1.1 200 OK', 'Content-Length: 5', '')}hello`,
  'a short version': `${crlf('HTTP/1 200 OK', 'Content-Length: 5', '')}hello`,
  'a status of two digits': `${crlf('HTTP/1.1 20 OK', 'Content-Length: 5', '')}hello`,
  'two carriage returns at an end of a line': `HTTP/1.1 200 OK\r\r\nContent-Length: 5\r\r\n\r\r\nhello`,
  'a switch of protocols that nobody asked for': `${crlf('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: h2c', '')}hello`,
};

/** Chunks of which two readers see the end in two places. */
export const ambiguousChunks: Readonly<Record<string, string>> = {
  'a size in 0x form': '0x5\r\nhello\r\n0\r\n\r\n',
  'a size with a sign': '+5\r\nhello\r\n0\r\n\r\n',
  'a negative size': '-5\r\nhello\r\n0\r\n\r\n',
  'a size beyond every number': 'fffffffffffffffff5\r\nhello\r\n0\r\n\r\n',
  'a size with something behind the blanks': '5  5\r\nhello\r\n0\r\n\r\n',
  'a size after a blank': ' 5\r\nhello\r\n0\r\n\r\n',
  'an empty size': '\r\nhello\r\n0\r\n\r\n',
  'blanks for a size': '   \r\nhello\r\n0\r\n\r\n',
  'a line feed in an extension': `5;a\nhello\r\n0\r\n\r\n`,
  'a carriage return in an extension': '5;a\rb\r\nhello\r\n0\r\n\r\n',
  'a chunk that is longer than it says': '2  \r\nhello\r\n0\r\n\r\n',
  'a chunk that is shorter than it says': '6  \r\nhello\r\n0\r\n\r\n',
  'a NUL behind the size': '5\0\r\nhello\r\n0\r\n\r\n',
  'a vertical tab behind the size': '5\x0b\r\nhello\r\n0\r\n\r\n',
};

/** The head before chunks. */
export const chunkedHead = crlf(ok, 'Transfer-Encoding: chunked', '');

/** Stands behind an answer that is over: no client may ever see it. */
export const smuggledAnswer = smuggled;

/** Answers `/N` with the Nth of the texts, for proxies that ask one upstream for all of them. */
export function answerByNumber(answers: readonly string[]): (socket: Socket, head: string) => void {
  return (socket, head) => {
    const at = Number(/^\w+ \/(\d+)/.exec(head)?.[1]);
    socket.end(Buffer.from(answers[at] ?? '', 'latin1'));
  };
}

export const startPlainNginx = (upstream: string) =>
  startNginxFront(
    ({ port }) => `server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstream}; } }`,
  );

export const startPlainApache = (upstream: string) =>
  startApacheFront(['proxy', 'proxy_http'], () => `ProxyPass / ${upstream}/\n`);

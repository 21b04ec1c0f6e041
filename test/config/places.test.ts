import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';

const secret = Buffer.alloc(32, 7).toString('base64');
const good = `publicUrl: https://app.example.com
upstream: http://legacy:8080
provider:
  issuer: https://id.example.com
  clientId: app
  clientSecret: s3cret
session:
  secret: ${secret}
`;

function linesOf(text: string, env: NodeJS.ProcessEnv = {}): string[] {
  try {
    parseConfig(text, { file: 'a.yaml', env });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
}

const one = (text: string, env?: NodeJS.ProcessEnv): string => {
  const lines = linesOf(text, env);
  return lines.length === 1 ? (lines[0] ?? '') : `${lines.length} lines: ${lines.join(' | ')}`;
};

const places: [what: string, text: string, says: RegExp][] = [
  ['a value', good.replace('https://id', 'id'), /^a\.yaml:4:11: provider\.issuer: expected an http/],
  [
    'a key',
    good.replace('clientSecret', 'client_secrt'),
    /^a\.yaml:6:3: provider\.client_secrt: there is no/,
  ],
  ['a value in braces', `${good}limits: { keepAlive: 5 parsecs }\n`, /^a\.yaml:9:22: limits\.keepAlive: /],
  [
    'what is missing, at what it is missing from',
    `${good}routes:\n  - path: /a\n`,
    /^a\.yaml:10:5: routes\[0\]\.upstream: this key is required/,
  ],
  [
    'windows line ends',
    good.replace('https://id', 'id').replaceAll('\n', '\r\n'),
    /^a\.yaml:4:11: provider\.issuer: /,
  ],
  [
    'a byte order mark',
    `\ufeff${good.replace('publicUrl', 'publicUrls')}`,
    /^a\.yaml:1:1: publicUrls: there/,
  ],
];

for (const [what, text, says] of places) {
  test(`a problem is told with its line and column: ${what}`, async (t) => {
    const lines = linesOf(text);
    t.ok(
      lines.some((line) => says.test(line)),
      says.source,
      { lines },
    );
  });
}

const notYaml: [what: string, text: string, says: RegExp][] = [
  ['a tab', good.replace('  clientId', '\tclientId'), /^a\.yaml:5:1: .*Tabs .* Use blanks\.$/],
  [
    'no blank behind a colon',
    good.replace('clientId: ', 'clientId:'),
    /^a\.yaml:5:3: .*colon behind a key.* missing/,
  ],
  ['a key that stands out', good.replace('  clientId', ' clientId'), /^a\.yaml:5:1: .* as many blanks/],
  [
    'a key too far right',
    good.replace('upstream', '  upstream'),
    /^a\.yaml:1:12: .*second key.* too many blanks/,
  ],
  ['an open quote', `publicUrl: "https\n`, /^a\.yaml:2:1: .*closing.* end with one\.$/],
  ['a value that begins with @', good.replace('s3cret', '@s3cret'), /^a\.yaml:6:17: .*in quotes\.$/],
  ['a value that begins with *', good.replace('s3cret', '*s3cret'), /^a\.yaml:6:17: .*in quotes\.$/],
  ['two documents', `${good}---\n${good}`, /^a\.yaml:9:1: .*second document.* Keep one/],
  ['a key twice', `${good}session: {}\n`, /^a\.yaml:9:1: .*unique\. Keep one of them\.$/],
  [
    'Latin-1',
    good.replace('app\n', 'caf\ufffd\n'),
    /^a\.yaml:5:16: this is not UTF-8 .*Save the file as UTF-8\.$/,
  ],
  ['UTF-16', Buffer.from(good, 'utf16le').toString('utf8'), /^a\.yaml:1:2: this is not UTF-8/],
  ['a list', '- a\n', /^a\.yaml:1:1: expected a map of keys, got a list\.$/],
  ['a text', 'hello\n', /^a\.yaml:1:1: expected a map of keys, got "hello"\.$/],
];

for (const [what, text, says] of notYaml) {
  test(`a file that is no map of YAML is told by one line that says what to do: ${what}`, async (t) => {
    const line = one(text);
    t.match(line, says);
    t.notMatch(line, /s3cret/);
  });
}

test('an empty file is called empty, and what it needs is listed', async (t) => {
  for (const text of ['', '# nothing yet\n', '{}']) {
    const [first, ...others] = linesOf(text);
    t.equal(first, 'a.yaml:1:1: the file is empty. It needs the keys that are named below.');
    t.match(others.join('\n'), /publicUrl: .*\n.*upstream: .*\n.*provider: /);
  }
});

test('an empty file is no problem where the environment says all', async (t) => {
  const env = {
    SALLYPORT_PUBLIC_URL: 'https://app.example.com',
    SALLYPORT_UPSTREAM: 'http://legacy:8080',
    SALLYPORT_PROVIDER_ISSUER: 'https://id.example.com',
    SALLYPORT_PROVIDER_CLIENT_ID: 'app',
    SALLYPORT_PROVIDER_CLIENT_SECRET: 's3cret',
    SALLYPORT_SESSION_SECRET: secret,
  };
  t.strictSame(linesOf('', env), []);
  t.equal(
    one('', { ...env, SALLYPORT_SESSION_SECRET: 'short' }),
    'SALLYPORT_SESSION_SECRET: session.secret: expected a base64 secret of at least 32 bytes; `sallyport secret` prints one.',
    'what a variable says is told with its name, and as the one value that it is',
  );
  t.match(
    one('', { ...env, SALLYPORT_SESSION_SECRET: `${secret},short` }),
    /^SALLYPORT_SESSION_SECRET: session\.secret\[1\]: /,
    'an item of its list, too',
  );
});

test('a client secret or identifier with a line break is refused, and not repeated', async (t) => {
  for (const [from, to] of [
    ['clientSecret: s3cret', 'clientSecret: "s3cret\\n"'],
    ['clientSecret: s3cret', 'clientSecret: "${SECRET}"'],
    ['clientId: app', 'clientId: "app\\t"'],
  ] as const) {
    const line = one(good.replace(from, to), { SECRET: 's3cret\r\n' });
    t.match(line, /^a\.yaml:\d:\d+: provider\.client\w+: expected a client \w+ without line breaks/);
    t.notMatch(line, /s3cret/);
  }
});

test('a secret of a file is taken without its byte order mark and its last line break', async (t) => {
  const file = `${t.testdir({ secret: `\ufeff${secret}\r\n` })}/secret`;
  const { config } = parseConfig(good.replace(secret, `\${file:${file}}`), { file: 'a.yaml', env: {} });
  t.strictSame(config.session.secret, [Buffer.alloc(32, 7)]);
});

test('a file that cannot be read is told with the reason in words', async (t) => {
  const folder = t.testdir({ below: {} });
  t.match(one(good.replace('s3cret', `\${file:${folder}/none}`)), /\(ENOENT: there is no such file\)/);
  t.match(one(good.replace('s3cret', `\${file:${folder}/below}`)), /\(EISDIR: it is a folder\)/);
});

test('a key that belongs elsewhere is told with its places, and one that is unknown with those that are known', async (t) => {
  t.match(
    one(`${good}tls: {}\n`),
    /tls: there is no such key; did you mean provider\.tls\? Or routes\[\]\.tls, listen\[\]\.tls\?/,
  );
  t.match(one(`${good}store: redis\n`), /did you mean session\.store\?$/);
  t.match(
    one(`${good}routes: [{ path: /a, upstream: "http://a:1", acess: public }]\n`),
    /routes\[0\]\.acess: there is no such key; did you mean logging\.access\? The keys here are host, path, /,
  );
});

test('a word in the place of a map is told with the keys of the map', async (t) => {
  t.match(
    one(`${good}admin: off\n`),
    /^a\.yaml:9:8: admin: expected a map of keys \(listen, token\), got "off"\.$/,
  );
  t.match(one(`${good}limits: 5\n`), /limits: expected a map of keys \(\w+, \w+, \w+ and others\), got 5\.$/);
});

test('a template without quotes, which is a map to YAML, is told so', async (t) => {
  for (const value of ['{claims.email}', '{{ claims.email }}']) {
    t.match(
      one(`${good}headers:\n  X-User: ${value}\n`),
      /^a\.yaml:10:11: headers\.X-User: .*begins with \{ needs quotes\.$/,
    );
  }
  t.match(one(`${good}limits: { keepAlive: {} }\n`), /got a map: a text that begins with \{ needs quotes\.$/);
});

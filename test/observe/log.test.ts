import { test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import type { Event } from '../../src/observe/events.ts';
import { openObserve } from '../../src/observe/open-observe.ts';
import { describeError, scrub } from '../../src/observe/scrub.ts';
import { openLogWriter } from '../../src/observe/sinks/log-writer.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';

/** One line of a log, in one of the formats. */
function lineOf(pretty: boolean, fields: Record<string, unknown>, message = 'refused'): string {
  const written: string[] = [];
  const destination = { write: (text: string) => written.push(text) };
  const output = () => {
    throw new Error('lines go to the destination');
  };
  const needs = { clock: systemClock, output };
  openLogWriter({ level: 'info', pretty, destination }, needs).info(fields, message);
  return written.join('');
}

/** The line of an event, where some secrets are known. */
function eventLine(pretty: boolean, event: Event, secrets: readonly string[]): string {
  const written: string[] = [];
  const destination = { write: (text: string) => written.push(text) };
  const observe = openObserve({ level: 'info', pretty, destination }, { clock: systemClock });
  observe.keepSecrets(secrets);
  observe.emit(event);
  return written.join('');
}

const code = (text: string) =>
  [...text].map((one) => `U+${one.codePointAt(0)?.toString(16).padStart(4, '0')}`);

const acting = [
  // C0 and DEL, C1 with the one that begins a control sequence, separators.
  ...[
    '\u0000',
    '\u0007',
    '\n',
    '\r',
    '\u001b',
    '\u007f',
    '\u0080',
    '\u0085',
    '\u009b',
    '\u009f',
    '\u2028',
    '\u2029',
  ],
  // Marks, embeddings, overrides and isolates of text that runs the other way.
  ...['\u061c', '\u200e', '\u200f', '\u202a', '\u202b', '\u202c', '\u202d', '\u202e'],
  ...['\u2066', '\u2067', '\u2068', '\u2069'],
  // What is not seen at all.
  ...['\u200b', '\ufeff', '\u00ad', '\u{e0041}'],
];

for (const pretty of [false, true]) {
  test(`no character that a terminal acts upon is in a line: ${pretty ? 'pretty' : 'json'}`, async (t) => {
    for (const character of acting) {
      const value = `before${character}after`;
      const line = lineOf(pretty, { reason: value, list: [value], [`na${character}me`]: 1 });
      t.equal(line.split('\n').length, 2, `${code(character)} begins no line`);
      t.notOk(line.slice(0, -1).includes(character), code(character).join());
      if (!pretty) {
        const read = JSON.parse(line) as Record<string, unknown>;
        t.match(read, { reason: value, list: [value], [`na${character}me`]: 1 }, 'and says the same');
      }
    }
    const message = lineOf(pretty, {}, 'a\u202eb\u009bc');
    t.match(message, 'a\\u202eb\\u009bc', 'nor of a message');
    t.match(lineOf(pretty, { name: 'Zoë 이름 🙂' }), 'Zoë 이름 🙂', 'letters stay as they are');
  });
}

test('the line of a request acts on no terminal either', async (t) => {
  const sub = 'ada\u009b31m\u202e\u2028';
  const provider = await startProvider({ people: { [sub]: { name: 'Ada' } } });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ provider, upstream });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, sub);
  await client.get(`${gateway.url}/page`);
  const line = await gateway.log.line(({ msg, path }) => msg === 'request' && path === '/page');
  t.equal(line.subject, sub, 'which says the same');
  t.notMatch(gateway.log.text(), /[\u007f-\u009f\u2028\u202e]/);
});

test('plain words are left alone by what looks for credentials', async (t) => {
  for (const text of [
    'The DPoP proof is missing',
    'DPoP proof: replayed',
    'a Bearer token is needed',
    'Bearer Token expected.',
    'Basic authentication failed',
    'the basic checks passed',
    'Bearer error="invalid_token", error_description="expired"',
    'Basic realm="here"',
    'the DPoP HTTP method is another',
    'no proof (DPoP nonce expected) was sent',
    'DPoP proof-of-possession failed',
    'ES384 is not among its token_endpoint_auth_signing_alg_values_supported',
    'connect ECONNREFUSED 127.0.0.1:9',
    'certificate has expired (code 42)',
  ]) {
    t.equal(scrub(text), text);
  }
});

test('credentials, tokens and codes are not', async (t) => {
  for (const secret of [
    'Bearer Zm9vYmFy',
    'bearer abcdef1234',
    'Basic YTpi',
    'basic dXNlcjpwYXNzd29yZA==',
    'DPoP eyJhbGciOiJub25lIn0.e30.',
    'Authorization: Bearer mF_9.B5f-4.1JqM',
    `Bearer ${'abcdefgh'.repeat(3)}`,
    'code=s3cr3tcode',
    'access_token=short',
    'refresh_token=short&x=1',
    'password=hunter2',
    '{"refresh_token": "short","x":1}',
    '{"client_secret":"short"}',
    'x'.repeat(48),
    'Bearer my-secret-phrase',
    `Bearer ${'ABCDEFGH'}`,
    `${'abcdefghijklmnop'.repeat(2)}_${'q'.repeat(20)}`,
  ]) {
    const clean = scrub(`it said ${secret}`);
    t.match(clean, /\[(redacted|token)\]/, clean);
    for (const part of [
      'Zm9v',
      'abcdef',
      'YTpi',
      'dXNl',
      'e30',
      'mF_9',
      's3cr3t',
      'short',
      'hunter2',
      'xxxx',
    ])
      t.notOk(clean.includes(part), clean);
  }
});

for (const pretty of [false, true]) {
  test(`a secret that is known is in no line, pretty ${pretty}`, async (t) => {
    const secrets = ['correct horse', 'q"u\\o\u00a0te', `Xy7.${'w'.repeat(45)}`, 'tiny'];
    const line = (reason: string, known = secrets) =>
      eventLine(pretty, { kind: 'store-refused', reason }, known);
    t.match(line('it said correct horse!'), 'it said [redacted]!');
    for (const secret of secrets.slice(0, 3)) {
      for (const before of ['it said ', `${'a word '.repeat(41)}`]) {
        const error = new Error(`${before}${secret}`);
        const text =
          line(describeError(error)) +
          eventLine(pretty, { kind: 'provider-lacks', provider: secret, reason: '' }, secrets) +
          eventLine(
            pretty,
            { kind: 'token-not-revoked', provider: 'p', token: 'access_token', error },
            secrets,
          );
        for (const part of ['correct', 'horse', 'q\\"', 'u\\o', 'Xy7', 'www'])
          t.notOk(text.includes(part), text);
      }
    }
    t.match(line('a tiny thing'), 'a tiny thing', 'what is that short stands in words');
    t.match(line('it said correct horse', []), 'correct horse', 'where nobody told of it');
  });
}

test('a foreign text acts on no terminal', async (t) => {
  const error = new Error('one\ntwo\u2028three\u202efour\u009bfive\u001b[31m');
  t.match(describeError(error), 'one two three\\u202efour\\u009bfive\\u001b[31m');
});

test('the reason of an error says what happened, without the words that say nothing', async (t) => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
  t.equal(
    describeError(new TypeError('fetch failed', { cause: refused })),
    'ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:9',
  );
  t.equal(describeError(new Error('none holds: allow[0].groups')), 'none holds: allow[0].groups');
  t.equal(
    describeError(new TypeError('fetch failed')),
    'TypeError: fetch failed',
    'where there is nothing else',
  );
  t.equal(describeError(new Error('outer', { cause: refused })), `outer <- ${describeError(refused)}`);
  const absent = Object.assign(new Error("ENOENT: no such file, open '/a'"), { code: 'ENOENT' });
  t.equal(describeError(absent), "ENOENT: no such file, open '/a'", 'a code once');
  t.equal(
    describeError(new Error(`audit.file: ${absent.message}`, { cause: absent })),
    "audit.file: ENOENT: no such file, open '/a'",
    'what wraps an error and repeats it says it once',
  );
});

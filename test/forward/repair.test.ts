import { test } from 'tap';
import { AnswerRepair } from '../../src/forward/repair/answer-repair.ts';
import { ambiguousAnswers, ambiguousChunks, chunkedHead, oddAnswers } from '../support/old-servers.ts';

const repaired = (answer: string, pieces: number): string => {
  const repair = new AnswerRepair(64 * 1024);
  const bytes = Buffer.from(answer, 'latin1');
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieces) out.push(...repair.feed(bytes.subarray(at, at + pieces)));
  out.push(...repair.release());
  return Buffer.concat(out).toString('latin1');
};

const bodyOf = (text: string) => {
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  return /\r\ntransfer-encoding:.*chunked/i.test(text) ? body.replace(/^5\r\n|\r\n0\r\n.*$/gs, '') : body;
};

test('an answer is repaired alike, in whatever pieces it comes', (t) => {
  for (const [name, answer] of Object.entries(oddAnswers)) {
    const whole = repaired(answer, answer.length);
    for (const pieces of [1, 2, 3, 7]) t.equal(repaired(answer, pieces), whole, `${name} by ${pieces}`);
  }
  t.end();
});

test('what goes on is what the standard says, and nothing else', (t) => {
  const line = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?[\t\x20-\x7e\x80-\xff]*$/;
  for (const [name, answer] of Object.entries(oddAnswers)) {
    const text = repaired(answer, answer.length);
    const [status = '', ...headers] = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n');
    t.match(status, /^HTTP\/1\.1 200 [\t\x20-\x7e\x80-\xff]*$/, name);
    t.ok(
      headers.every((each) => line.test(each)),
      name,
    );
    const framing = headers.filter((each) => /^(content-length|transfer-encoding):/i.test(each));
    t.ok(framing.length <= 1, `${name}: framed once`);
    t.ok(headers.includes('Connection: close'), name);
    t.equal(bodyOf(text), 'hello', name);
  }
  t.end();
});

test('what has two meanings is refused, in whatever pieces it comes', (t) => {
  const chunked = Object.values(ambiguousChunks).map((chunks) => chunkedHead + chunks);
  for (const answer of [...Object.values(ambiguousAnswers), ...chunked]) {
    for (const pieces of [1, 2, 5, answer.length]) {
      t.throws(() => repaired(answer, pieces), { code: 'upstream_invalid' }, JSON.stringify(answer));
    }
  }
  t.end();
});

test('heads, lines between chunks and trailers have a limit', (t) => {
  const long = 'x'.repeat(70_000);
  for (const answer of [
    `HTTP/1.1 200 OK\nX-A: ${long}`,
    `HTTP/1.1 200 ${long}`,
    `${chunkedHead}5;${long}\r\nhello`,
    `${chunkedHead}5\r\nhello\r\n0\r\n${'X-A: b\r\n'.repeat(20_000)}\r\n`,
  ]) {
    t.throws(() => repaired(answer, 4096), { code: 'upstream_invalid' });
  }
  t.end();
});

test('a flood of interim answers costs no more than its bytes', (t) => {
  const before = performance.now();
  t.equal(
    bodyOf(repaired(`${'HTTP/1.1 102 P\n\n'.repeat(200_000)}${oddAnswers['LF alone']}`, 64 * 1024)),
    'hello',
  );
  t.ok(performance.now() - before < 5000);
  t.end();
});

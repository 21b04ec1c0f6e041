import { type Test, test } from 'tap';
import { arrangeGateway, arrangePublic, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import {
  oddAnswers,
  resetAtOnce,
  startByteUpstream,
  staySilent,
  withHeaderBytes,
} from '../support/byte-upstream.ts';

const unreachable = { status: 502, code: 'upstream_unreachable' };

/** What a failure must look like to a program, and to a person. */
async function failure(
  t: Test,
  upstream: { url: string },
  expected: { status: number; code: string },
  route: Record<string, unknown> = {},
): Promise<void> {
  const { gateway, client } = await arrangePublic(t, upstream, route);
  const secrets = [
    new URL(upstream.url).host,
    /\bE[A-Z]{4,}\b/,
    'UND_ERR',
    'HPE_',
    'undici',
    'node:',
    ' at ',
  ];

  const program = await client.get(`${gateway.url}/api/x?token=secret`);
  t.equal(program.status, expected.status);
  t.equal(program.headers['x-sallyport-error'], expected.code);
  t.equal(program.headers['content-type'], 'application/problem+json');
  t.equal(program.headers['cache-control'], 'no-store');
  const problem = program.json() as { status: number; requestId: string };
  t.equal(problem.status, expected.status);
  for (const secret of secrets) t.notMatch(program.text, secret);

  const line = await gateway.log.line(
    ({ msg, requestId }) => msg === 'failed' && requestId === problem.requestId,
  );
  t.match(line, { status: expected.status, code: expected.code, reason: /\S/ });
  t.notMatch(gateway.log.text(), 'token=secret');

  const person = await client.navigate(`${gateway.url}/page`);
  t.equal(person.status, expected.status);
  t.equal(person.headers['x-sallyport-error'], expected.code);
  t.match(person.headers['content-type'], 'text/html');
  t.match(person.text, /<html/i);
  for (const secret of secrets) t.notMatch(person.text.replace(/href="[^"]*"/g, ''), secret);

  const head = await client.request(gateway.url, { method: 'HEAD' });
  t.same([head.status, head.body.length], [expected.status, 0]);
}

test('an upstream that is not there is 502', async (t) => {
  await failure(t, { url: 'http://127.0.0.1:9' }, unreachable);
});

test('an upstream whose name nobody knows is 502', async (t) => {
  await failure(t, { url: 'http://nobody.invalid:8080' }, unreachable);
});

test('an upstream that resets the connection is 502', async (t) => {
  await failure(t, await bytes(t, resetAtOnce), unreachable);
});

test('an upstream that hangs up in the middle of its headers is 502', async (t) => {
  await failure(t, await bytes(t, oddAnswers.closedInHead), { status: 502, code: 'upstream_unreachable' });
});

test('an upstream that does not speak HTTP is 502', async (t) => {
  await failure(t, await bytes(t, oddAnswers.garbage), invalid);
});

test('answers that could be read in two ways are 502', async (t) => {
  for (const answer of [oddAnswers.twoLengths, oddAnswers.badHeader]) {
    const upstream = await bytes(t, answer);
    const { gateway, client } = await arrangePublic(t, upstream);
    const { status, headers } = await client.get(gateway.url);
    t.equal(status, 502);
    t.match(headers['x-sallyport-error'], /^upstream_/);
  }
});

test('an impossible status is 502', async (t) => {
  await failure(t, await bytes(t, oddAnswers.badStatus), invalid);
});

test('headers without end are 502', async (t) => {
  await failure(t, await bytes(t, withHeaderBytes(200_000)), invalid);
});

test('an upstream that is too slow is 504', async (t) => {
  await failure(
    t,
    await bytes(t, staySilent),
    { status: 504, code: 'upstream_timeout' },
    { timeout: { response: '300ms' } },
  );
});

test('an answer that falls silent for longer than allowed is broken off', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.write('the beginning');
  });
  const { gateway, client } = await arrangePublic(t, upstream, { timeout: { idle: '300ms' } });
  const before = performance.now();
  await t.rejects(client.get(gateway.url), { code: 'ECONNRESET' });
  t.ok(performance.now() - before < 3000);
  t.match(await gateway.log.line(({ msg }) => msg === 'failed'), { code: 'upstream_timeout' });
});

test('an answer that keeps coming is not broken off, however long it takes', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    let left = 10;
    const timer = setInterval(() => {
      response.write('.');
      left -= 1;
      if (left === 0) {
        clearInterval(timer);
        response.end();
      }
    }, 100);
  });
  const { gateway, client } = await arrangePublic(t, upstream, {
    timeout: { response: '500ms', idle: '500ms' },
  });
  t.equal((await client.get(gateway.url)).text, '..........');
});

test('a slow upload does not count as a slow answer', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream, { timeout: { response: '300ms' } });
  const { Readable } = await import('node:stream');
  const drops = Readable.from(
    (async function* () {
      for (let at = 0; at < 8; at++) {
        yield 'drop';
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })(),
  );
  t.equal((await client.request(gateway.url, { method: 'POST', body: drops })).status, 200);
});

test('the requests of one failing upstream leave the others alone', async (t) => {
  const broken = await bytes(t, resetAtOnce);
  const good = await arrangeUpstream(t);
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      routes: [
        { path: '/broken', upstream: broken.url, allow: 'public' },
        { path: '/', upstream: good.url, allow: 'public' },
      ],
    },
  });
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, at) => client.get(`${gateway.url}${at % 2 ? '/broken' : '/good'}`)),
  );
  t.same(new Set(answers.map(({ status }, at) => `${at % 2} ${status}`)), new Set(['0 200', '1 502']));
});

test('an upstream that comes back is used again at once', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangePublic(t, upstream);
  t.equal((await client.get(gateway.url)).status, 200);
  await upstream.close();
  t.equal((await client.get(gateway.url)).status, 502);
  await upstream.reopen();
  t.equal((await client.get(gateway.url)).status, 200);
});

const invalid = { status: 502, code: 'upstream_invalid' };

async function bytes(t: Teardown, answer: Parameters<typeof startByteUpstream>[0]) {
  const upstream = await startByteUpstream(answer);
  t.teardown(() => upstream.close());
  return upstream;
}

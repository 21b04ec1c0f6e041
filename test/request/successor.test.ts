import { test } from 'tap';
import type { Outbound } from '../../src/listen/inbound.ts';
import type { Pipeline } from '../../src/request/pipeline.ts';
import { createClient } from '../support/client.ts';
import { openRaw, readAnswers } from '../support/raw.ts';
import { until } from '../support/until.ts';
import { host, pipelineOf, sessionOf } from './scene.ts';
import { application, type Count, countIn, serve } from './server.ts';

const everybody = { path: '/', upstream: 'http://127.0.0.1:9', allow: 'public' };
const signedIn = { path: '/', upstream: 'http://127.0.0.1:9' };

test('a request is decided from beginning to end by the pipeline that it came in under', async (t) => {
  const counts: Count[] = [
    { entered: 0, left: 0 },
    { entered: 0, left: 0 },
  ];
  const [before = { entered: 0, left: 0 }, after = { entered: 0, left: 0 }] = counts;
  let found: (() => void) | undefined;
  const sessions = {
    currentOf: () =>
      new Promise<ReturnType<typeof sessionOf>>((resolve) => (found = () => resolve(sessionOf('ada')))),
  };
  const needs = { forwarder: application() };
  let current: Pipeline = pipelineOf({
    config: { routes: [signedIn] },
    needs: { ...needs, sessions, enter: countIn(before) },
  });
  const { url } = await serve(t, () => current);
  const connection = await openRaw(url);
  t.teardown(() => connection.destroy());
  connection.write(`GET /a HTTP/1.1\r\nHost: ${host}\r\n\r\nGET /b HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await until('the look-up', () => found !== undefined);
  // The next configuration has no application at all.
  current = pipelineOf({
    config: { routes: [{ ...everybody, path: '/none' }] },
    needs: { enter: countIn(after) },
  });
  found?.();
  await until('both answers', () => readAnswers(connection.received()).length === 2);
  t.same(
    readAnswers(connection.received()).map(({ status }) => status),
    [200, 404],
    'what waited behind comes in under the next one',
  );
  await until('the ends', () => before.left === 1 && after.left === 1);
  t.same(
    [before, after],
    [
      { entered: 1, left: 1 },
      { entered: 1, left: 1 },
    ],
  );
});

test('endpoints are where the current configuration has them, on the same server', async (t) => {
  const under = (prefix: string) =>
    pipelineOf({
      config: { endpoints: { prefix }, routes: [everybody] },
      needs: { forwarder: application() },
    });
  let current = under('/oauth2');
  const { url } = await serve(t, () => current);
  const client = createClient();
  t.teardown(() => client.close());
  const get = async (path: string) => (await client.get(url + path, { host })).text;
  t.match(await get('/oauth2/hello'), '<h1>You are signed in');
  t.equal(await get('/sign/hello'), '/sign/hello');
  current = under('/sign');
  t.match(await get('/sign/hello'), '<h1>You are signed in');
  t.equal(await get('/oauth2/hello'), '/oauth2/hello', 'a path of the application by now');
});

test('methods and forms of endpoints are the table’s', async (t) => {
  const held: Outbound[] = [];
  const pipeline = pipelineOf({ config: { routes: [everybody] }, needs: { forwarder: application(held) } });
  const { url } = await serve(t, () => pipeline);
  const client = createClient();
  t.teardown(() => client.close());
  const ask = (method: string, path: string, body?: string) =>
    client.request(url + path, {
      method,
      headers: { host, ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }) },
      ...(body !== undefined && { body }),
    });
  const posted = await ask('POST', '/oauth2/hello', 'to=home');
  t.match([posted.status, posted.headers.location], [302, '/home']);
  const large = await ask('POST', '/oauth2/hello', `to=${'x'.repeat(33 * 1024)}`);
  t.match([large.status, large.headers['x-sallyport-error']], [400, 'malformed_request']);
  for (const [method, path, status, code] of [
    ['HEAD', '/oauth2/tried', 302, undefined],
    ['HEAD', '/oauth2/hello', 404, 'unknown_endpoint'],
    ['DELETE', '/oauth2/hello', 404, 'unknown_endpoint'],
    ['GET', '/oauth2/jwks', 404, 'unknown_endpoint'],
    ['GET', '/-/endpoint', 200, undefined],
    ['TRACE', '/a', 405, 'method_not_allowed'],
    ['TRACE', '/oauth2/hello', 405, 'method_not_allowed'],
  ] as const) {
    const answer = await ask(method, path);
    t.match([answer.status, answer.headers['x-sallyport-error']], [status, code], `${method} ${path}`);
    if (method === 'HEAD') t.equal(answer.text, '');
  }
});

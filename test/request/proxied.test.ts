import { createServer as createTlsServer } from 'node:https';
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';
import { type Test, test } from 'tap';
import { proxiedMethods } from '../../src/listen/methods.ts';
import type { PipelineNeeds } from '../../src/request/pipeline.ts';
import { rememberEntries } from '../../src/request/transports/entry.ts';
import { proxyOptions } from '../../src/request/transports/proxied.ts';
import { arrangePublic, arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createClient } from '../support/client.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { host, pipelineOf } from './scene.ts';
import { application, serve } from './server.ts';

const everybody = { path: '/', upstream: 'http://127.0.0.1:9', allow: 'public' };

/** A forwarder that notes who called it. */
function noting(calls: string[]): PipelineNeeds['forwarder'] {
  const { forward, ...rest } = application();
  return {
    ...rest,
    forward(...given) {
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 50;
      calls.push(String(new Error('called by').stack));
      Error.stackTraceLimit = stackTraceLimit;
      return forward(...given);
    },
  };
}

/** The plugin with our options, on a server that has nothing else: no hook, and what a test changes. */
async function servePlugin(t: Test, calls: string[], changes: Readonly<Record<string, unknown>> = {}) {
  const pipeline = pipelineOf({ config: { routes: [everybody] }, needs: { forwarder: noting(calls) } });
  const app = fastify();
  const options = proxyOptions(
    rememberEntries(() => pipeline),
    '/',
  );
  await app.register(httpProxy, { ...options, httpMethods: ['GET', 'POST'], ...changes });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => app.close());
  const client = createClient();
  t.teardown(() => client.close());
  return { url, client };
}

test('a transfer begins in the handler of the plugin, whether or not somebody had to be asked', async (t) => {
  const calls: string[] = [];
  const pipeline = pipelineOf({
    config: { routes: [{ path: '/', upstream: 'http://127.0.0.1:9' }] },
    needs: { forwarder: noting(calls) },
  });
  const { url } = await serve(t, () => pipeline);
  const client = createClient();
  t.teardown(() => client.close());
  for (const cookie of ['session=ada', 'session=slow-ada']) {
    for (const method of ['GET', 'POST', 'PROPFIND']) {
      const { status, text } = await client.request(`${url}/a?b`, { method, headers: { host, cookie } });
      t.same([status, text], [200, '/a?b'], `${method}, ${cookie}`);
      t.match(calls.pop(), /node_modules\/@fastify\/http-proxy\//);
    }
  }
  t.equal((await client.get(`${url}/a`, { host })).status, 401);
  t.same(calls, [], 'who is not admitted never comes to it');
});

test('nothing is forwarded that was not admitted', async (t) => {
  const calls: string[] = [];
  const { url, client } = await servePlugin(t, calls);
  for (const method of ['GET', 'POST']) {
    await t.test(method, async (t) => {
      const type = { 'content-type': 'application/octet-stream' };
      const answer = await client.request(url, { method, headers: { host, ...type }, body: 'x' });
      t.same([answer.status, answer.headers['x-sallyport-error']], [500, 'internal'], method);
    });
  }
  t.same(calls, []);
});

test('the transfer of the plugin, which is not used, would ask nobody else and tell nobody anything', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    const headers = { 'retry-after': '0', 'set-cookie': 'a=b', 'content-length': '4' };
    response.writeHead(503, headers).end('away');
  });
  const { url, client } = await servePlugin(t, [], { handler: undefined, upstream: upstream.url });
  const answer = await client.get(url, {
    cookie: 'session=ada',
    authorization: 'Bearer abc',
    'x-forwarded-user': 'ada',
    connection: 'x-forwarded-for',
  });
  t.same([answer.status, answer.headers['set-cookie']], [503, undefined]);
  t.equal(upstream.requests.length, 1, 'it asks once');
  const [asked] = upstream.requests;
  const names = asked?.rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  t.same(names?.sort(), ['connection', 'host']);
});

test('the transfer of the plugin would check certificates, and by itself it goes nowhere', async (t) => {
  const { cert, key } = await makeCertificate();
  let requests = 0;
  const server = createTlsServer({ cert, key }, (_request, response) => {
    requests++;
    response.end();
  });
  const selfSigned = await listenOnLoopback(server, 'https');
  t.teardown(() => selfSigned.close());
  const toSelfSigned = { handler: undefined, upstream: selfSigned.url };
  for (const changes of [toSelfSigned, { handler: undefined }]) {
    const { url, client } = await servePlugin(t, [], changes);
    t.ok((await client.get(url)).status >= 500);
  }
  t.equal(requests, 0);
});

/** Types of bodies that a framework has an opinion on: it would parse them, or refuse them. */
const types = [undefined, '', 'not a type', 'application/json', 'text/plain; charset=utf-16', 'a/b, c/d'];

test('a body of any type passes with any method, and none is looked at', async (t) => {
  const { gateway, client } = await arrangePublic(t, await arrangeUpstream(t));
  for (const method of proxiedMethods.filter((each) => each !== 'HEAD')) {
    for (const type of types) {
      for (const body of ['{"broken": \xff', '']) {
        const headers = { ...(type !== undefined && { 'content-type': type }) };
        const length = { 'content-length': String(Buffer.byteLength(body)) };
        const given = { method, headers: { ...headers, ...length }, body };
        const answer = await client.request(gateway.url, given);
        const echo = answer.json() as Echo;
        const sent = [method, type, Buffer.byteLength(body)];
        const [got] = valuesOf(echo.rawHeaders, 'content-type');
        t.strictSame([echo.method, got, echo.body.length], sent);
      }
    }
  }
});

test('a question about any body is answered, whatever says of it', async (t) => {
  const pipeline = pipelineOf({ config: { routes: [everybody] } });
  const { url } = await serve(t, () => pipeline);
  const client = createClient();
  t.teardown(() => client.close());
  for (const method of ['POST', 'QUERY', 'PROPFIND']) {
    for (const type of types) {
      const asking = { host, 'x-forwarded-method': method, 'x-forwarded-uri': '/a' };
      const headers = { ...asking, ...(type !== undefined && { 'content-type': type }) };
      const answer = await client.request(`${url}/oauth2/forward-auth`, { method, headers, body: '{' });
      t.equal(answer.status, 200, `${method} ${type}`);
    }
  }
});

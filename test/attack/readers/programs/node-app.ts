import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { posix } from 'node:path';
import { parse } from 'node:url';
import express from 'express';
import fastify from 'fastify';
import { places } from '../tree.ts';
import { randomPipelines } from './pipelines.ts';

/**
 * Programs of Node.js, each on a port of its own, printed as `listening {name: port}`. The first reads in all the
 * ways that own code of applications does; the others are frameworks. The arguments: the folder with the tree, and the seed
 * of the pipelines.
 */

const [tree = '', seed = '1'] = process.argv.slice(2);

const cut = (url: string) => url.split('?')[0] ?? '';
const newUrl = (url: string) => new URL(url, 'http://app.test').pathname;
const legacy = (url: string) => parse(url).pathname ?? '';
const decode = decodeURIComponent;
/** As lenient servers decode: what is no escape stays, and bytes stand for themselves. */
const lenient = (text: string) =>
  text.replace(/%u([0-9a-f]{4})|%([0-9a-f]{2})/gi, (_, wide: string | undefined, byte: string | undefined) =>
    String.fromCharCode(Number.parseInt(wide ?? byte ?? '0', 16)),
  );
const bytesToText = (text: string) => Buffer.from(text, 'latin1').toString();
const withoutParameters = (path: string) => path.replace(/;[^/]*/g, '');
/** As Windows opens files: either slash, no dots and blanks at an end, any case. */
const windows = (path: string) =>
  posix
    .normalize(path.replaceAll('\\', '/'))
    .split('/')
    .map((segment) => segment.replace(/[. ]+$/, ''))
    .join('/')
    .toLowerCase();

const readings: Record<string, (url: string) => string> = {
  'as it comes': cut,
  'url.parse': legacy,
  'url.parse, decoded': (url) => decode(legacy(url)),
  'decoded, url.parse': (url) => legacy(decode(url)),
  'new URL': newUrl,
  'new URL, decoded': (url) => decode(newUrl(url)),
  'new URL, decoded twice': (url) => decode(decode(newUrl(url))),
  'decoded, new URL': (url) => newUrl(decode(url)),
  'decoded, new URL, decoded': (url) => decode(newUrl(decode(url))),
  'new URL of bytes as text': (url) => decode(newUrl(bytesToText(url))),
  'decoded, normalised': (url) => posix.normalize(decode(cut(url))),
  'decoded, normalised, cut': (url) => cut(posix.normalize(decode(url))),
  'normalised, decoded': (url) => decode(posix.normalize(cut(url))),
  'decoded twice, normalised': (url) => posix.normalize(decode(decode(cut(url)))),
  'decoded three times, normalised': (url) => posix.normalize(decode(decode(decode(cut(url))))),
  'decoded, backslashes, normalised': (url) => posix.normalize(decode(cut(url)).replaceAll('\\', '/')),
  'leniently decoded': (url) => posix.normalize(lenient(cut(url))),
  'leniently decoded twice': (url) => posix.normalize(lenient(lenient(cut(url)))),
  'parameters cut': (url) => posix.normalize(decode(withoutParameters(cut(url)))),
  'decoded, parameters cut': (url) => posix.normalize(withoutParameters(decode(cut(url)))),
  'parameters cut, new URL': (url) => newUrl(withoutParameters(url)),
  'ends at a NUL': (url) => posix.normalize(lenient(cut(url)).replace(/\0.*/s, '')),
  'without control characters': (url) => posix.normalize(lenient(cut(url)).replace(/\p{Cc}/gu, '')),
  'NFKC, lower case': (url) => posix.normalize(decode(cut(url)).normalize('NFKC').toLowerCase()),
  'upper case of Unicode': (url) => posix.normalize(decode(cut(url)).toUpperCase().toLowerCase()),
  'invalid bytes left out': (url) =>
    posix.normalize(bytesToText(asBytes(lenient(cut(url)))).replaceAll('\ufffd', '')),
  'as Windows opens files': (url) => windows(lenient(cut(url))),
  'form decoded': (url) => posix.normalize(decode(cut(url).replaceAll('+', ' '))).trim(),
};

/** Bytes as the asking side has them, one character each. */
const asBytes = (text: string) =>
  text.replace(/[^\0-\xff]/gu, (each) => Buffer.from(each).toString('latin1'));

/** Tells what each of these makes of the URL; null where one throws. */
const answering =
  (all: Readonly<Record<string, (url: string) => string>>): RequestListener =>
  ({ url = '' }, response) => {
    const found: Record<string, string | null> = {};
    for (const [name, read] of Object.entries(all)) {
      try {
        found[name] = asBytes(read(url));
      } catch {
        found[name] = null;
      }
    }
    response.end(Buffer.from(JSON.stringify(found), 'latin1'));
  };

function router(): RequestListener {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  for (const place of places) app.use(place, (_, response) => void response.send(place));
  return app;
}

function files(): RequestListener {
  const app = express();
  app.disable('etag');
  app.use(express.static(tree));
  return app;
}

async function fastifyRouter(): Promise<RequestListener> {
  const app = fastify({ routerOptions: { ignoreDuplicateSlashes: true, caseSensitive: false } });
  for (const place of places) {
    for (const path of [place, `${place}/*`]) app.get(path, (_, reply) => reply.send(place));
  }
  await app.ready();
  return (request: IncomingMessage, response: ServerResponse) => app.routing(request, response);
}

const pipelines = randomPipelines(Number(seed), 60);

const listeners: Record<string, RequestListener> = {
  'own code': answering(readings),
  'own code in steps': answering(
    Object.fromEntries(pipelines.map(({ name, read }) => [name, (url: string) => read(cut(url))])),
  ),
  Express: router(),
  'serve-static': files(),
  Fastify: await fastifyRouter(),
};

const ports: Record<string, number> = {};
for (const [name, listener] of Object.entries(listeners)) {
  const server = createServer({ keepAlive: true, keepAliveTimeout: 60_000 }, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports[name] = (server.address() as AddressInfo).port;
}
console.log(`listening ${JSON.stringify(ports)}`);

import { fastifyCookie } from '@fastify/cookie';
import Fastify from 'fastify';
import { test } from 'tap';
import { z } from 'zod';
import { splitIntoChunks } from '../../src/session/cookies.ts';
import { documentsOf, readBySallyport, saidBySallyport } from './documented.ts';
import { normalised, oneOf, type ProxyBehaviour, picked, startImitation } from './imitation.ts';
import { checkForwardAuth } from './scenario.ts';

/** Traefik 3, reference: routing configuration, HTTP; file provider. */
const staticSchema = z.strictObject({
  entryPoints: z.record(z.string(), z.strictObject({ address: z.string().regex(/^:\d+$/) })),
  providers: z.strictObject({ file: z.strictObject({ filename: z.string() }) }),
});

const forwardAuthSchema = z.strictObject({
  address: z.url(),
  trustForwardHeader: z.boolean(),
  authRequestHeaders: z.array(z.string()),
  authResponseHeadersRegex: z.string(),
  addAuthCookiesToResponse: z.array(z.string()),
});

const headersSchema = z.strictObject({
  headers: z.strictObject({ customRequestHeaders: z.record(z.string(), z.string()) }),
});

const dynamicSchema = z.strictObject({
  http: z.strictObject({
    routers: z.record(
      z.string(),
      z.strictObject({
        rule: z.string(),
        priority: z.int(),
        entryPoints: z.array(z.string()),
        middlewares: z.array(z.string()).optional(),
        service: z.string(),
        tls: z.strictObject({}),
      }),
    ),
    middlewares: z.strictObject({
      plain: headersSchema,
      handshake: headersSchema,
      sallyport: z.strictObject({ forwardAuth: forwardAuthSchema }),
    }),
    services: z.record(
      z.string(),
      z.strictObject({
        loadBalancer: z.strictObject({ servers: z.array(z.strictObject({ url: z.url() })) }),
      }),
    ),
  }),
});

const read = () => dynamicSchema.parse(documentsOf('traefik-dynamic.yaml')[0]).http;

/** Go writes case-insensitivity into the expression. */
const toRegExp = (source: string) => new RegExp(source.replace(/^\(\?i\)/, ''), 'i');

test('the files for Traefik have documented keys only, and what they refer to is there', async (t) => {
  const { entryPoints, providers } = staticSchema.parse(documentsOf('traefik.yaml')[0]);
  const { routers, middlewares, services } = read();
  t.match(providers.file.filename, /\/traefik-dynamic\.yaml$/);
  for (const router of Object.values(routers)) {
    for (const name of router.entryPoints) t.ok(name in entryPoints, name);
    for (const name of router.middlewares ?? []) t.ok(name in middlewares, name);
    t.ok(router.service in services, router.service);
    t.match(router.rule, /^(!?(Host|PathRegexp|HeaderRegexp)\((`[^`]+`(, )?)+\)( && |$))+$/);
  }
  for (const [name, { middlewares: passed = [], service }] of Object.entries(routers)) {
    // The list of Connection goes before identity is set.
    t.match(passed[0], /^(plain|handshake)$/, name);
    if (service === 'application') t.equal(passed[1], 'sallyport', `${name}: nothing passes unasked`);
  }
  t.match(middlewares.plain.headers.customRequestHeaders, { Connection: '', Upgrade: '' });
  t.match(middlewares.handshake.headers.customRequestHeaders, { Connection: 'Upgrade' });
});

test('the question that Traefik asks is complete, and nothing that a client sends counts in it', async (t) => {
  const { forwardAuth } = read().middlewares.sallyport;
  t.equal(forwardAuth.trustForwardHeader, false);
  t.equal(new URL(forwardAuth.address).pathname, '/oauth2/forward-auth');
  const goesAlong = oneOf(forwardAuth.authRequestHeaders);
  for (const name of [...readBySallyport, 'authorization']) t.ok(goesAlong(name), name);
  t.notOk(forwardAuth.authRequestHeaders.some((name) => /^x[-_](forwarded|original)/i.test(name)));
  const isTold = toRegExp(forwardAuth.authResponseHeadersRegex);
  for (const name of saidBySallyport) {
    t.match(name, isTold);
    // The header of a connection is one word; what follows an x may be spelt in two ways at each place.
    t.match(name.replaceAll('-', '_'), isTold);
    t.match(name.replace('-', '_'), isTold);
    t.notMatch(`${name}-x`, isTold);
  }
});

test('Traefik hands on every cookie that a session can take', async (t) => {
  const { addAuthCookiesToResponse } = read().middlewares.sallyport.forwardAuth;
  // The cookie library of @fastify/cookie is loaded when the plugin is registered.
  await Fastify().register(fastifyCookie).ready();
  const attributes = { secure: true, sameSite: 'lax', path: '/', domain: undefined } as const;
  const most = splitIntoChunks('__Host-sallyport', 'x'.repeat(8 * 3900), attributes);
  t.same(
    addAuthCookiesToResponse,
    most?.map(({ name }) => name),
  );
});

/** ForwardAuth asks by GET, in the headers that the reference lists, and copies no others than configured. */
function traefik(port: number): ProxyBehaviour {
  const { routers, middlewares } = read();
  const { forwardAuth } = middlewares.sallyport;
  const isTold = toRegExp(forwardAuth.authResponseHeadersRegex);
  const paths = [...(routers.sallyport?.rule ?? '').matchAll(/(!?)PathRegexp\(`([^`]+)`\)/g)];
  return {
    ownerOf: (url) =>
      paths.every(([, not, path]) => new RegExp(path ?? '').test(normalised(url)) === (not === ''))
        ? 'gateway'
        : 'application',
    // Of an entry point without forwardedHeaders, X-Forwarded-* do not come in.
    takesIn: (name) =>
      !oneOf([
        'X-Forwarded-For',
        'X-Forwarded-Host',
        'X-Forwarded-Method',
        'X-Forwarded-Port',
        'X-Forwarded-Proto',
        'X-Forwarded-Server',
        'X-Forwarded-Uri',
        'X-Real-Ip',
      ])(name),
    question: ({ method, url, host, headers, client }) => ({
      method: 'GET',
      path: new URL(forwardAuth.address).pathname,
      headers: [
        ...['Host', `127.0.0.1:${port}`, 'X-Forwarded-Method', method, 'X-Forwarded-Proto', 'http'],
        ...['X-Forwarded-Host', host, 'X-Forwarded-Uri', url, 'X-Forwarded-For', client],
        ...picked(headers, oneOf(forwardAuth.authRequestHeaders)),
      ],
    }),
    isYes: (status) => status >= 200 && status < 300,
    removes: (name) => isTold.test(name),
    tells: (name) => isTold.test(name),
    cookiesOf: (lines) =>
      lines.filter((line) =>
        forwardAuth.addAuthCookiesToResponse.some((name) => `__Host-${line}`.startsWith(`${name}=`)),
      ),
    outage: 500,
  };
}

test('a proxy that does what Traefik documents: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, (place) => startImitation(place, traefik(9))));

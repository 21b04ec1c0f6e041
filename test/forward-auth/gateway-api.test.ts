import { test } from 'tap';
import { z } from 'zod';
import {
  documentsOf,
  namesOfRequests,
  readBySallyport,
  saidBySallyport,
  sorted,
  twins,
} from './documented.ts';
import { oneOf, type ProxyBehaviour, picked, startImitation } from './imitation.ts';
import { gatewaySchema, type HttpRoute, ownPages, routeSchema } from './kubernetes.ts';
import { checkForwardAuth } from './scenario.ts';

/** Envoy Gateway 1.4 and later, gateway.envoyproxy.io/v1alpha1. */
const targetRefs = (kind: string) =>
  z.array(
    z.strictObject({
      group: z.literal('gateway.networking.k8s.io'),
      kind: z.literal(kind),
      name: z.string(),
    }),
  );
const metadata = z.strictObject({ name: z.string() });

const classSchema = z.strictObject({
  apiVersion: z.literal('gateway.networking.k8s.io/v1'),
  kind: z.literal('GatewayClass'),
  metadata,
  spec: z.strictObject({ controllerName: z.literal('gateway.envoyproxy.io/gatewayclass-controller') }),
});

const clientTrafficSchema = z.strictObject({
  apiVersion: z.literal('gateway.envoyproxy.io/v1alpha1'),
  kind: z.literal('ClientTrafficPolicy'),
  metadata,
  spec: z.strictObject({
    targetRefs: targetRefs('Gateway'),
    headers: z.strictObject({
      withUnderscoresAction: z.enum(['RejectRequest', 'DropHeader']),
      earlyRequestHeaders: z.strictObject({ remove: z.array(z.string()) }),
    }),
    path: z.strictObject({
      disableMergeSlashes: z.literal(true),
      escapedSlashesAction: z.literal('KeepUnchanged'),
    }),
  }),
});

const securitySchema = z.strictObject({
  apiVersion: z.literal('gateway.envoyproxy.io/v1alpha1'),
  kind: z.literal('SecurityPolicy'),
  metadata,
  spec: z.strictObject({
    targetRefs: targetRefs('HTTPRoute'),
    extAuth: z.strictObject({
      failOpen: z.literal(false),
      headersToExtAuth: z.array(z.string()),
      http: z.strictObject({
        backendRefs: z.tuple([z.strictObject({ name: z.literal('sallyport'), port: z.literal(4180) })]),
        path: z.string(),
        headersToBackend: z.array(z.string()),
      }),
    }),
  }),
});

/** What both files come to. */
interface Policy {
  routes: { application: HttpRoute; own: HttpRoute };
  path: string;
  /** Removed before the question. */
  removed: string[];
  /** Requests with such a name are answered with an error. */
  refuses(name: string): boolean;
  asked: string[];
  told: string[];
}

const pathsOf = ({ matches }: HttpRoute['spec']['rules'][number]) =>
  matches.flatMap((match) => ('path' in match ? [match.path] : []));

const rewriteTo = (path: string | undefined) => ({
  type: 'URLRewrite',
  urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: path } },
});

/** The names of rules that nobody is behind. */
function refusedBy({ spec }: HttpRoute): (name: string) => boolean {
  const rules = spec.rules.filter(({ backendRefs, filters }) => !backendRefs && !filters);
  return oneOf(
    rules.flatMap(({ matches }) =>
      matches.flatMap((match) => ('headers' in match ? [match.headers[0].name] : [])),
    ),
  );
}

function readGatewayApi(): Policy {
  const [gateway, application, own, ...others] = documentsOf('gateway-api.yaml');
  if (others.length > 0) throw new Error('unknown documents');
  gatewaySchema.parse(gateway);
  const routes = { application: routeSchema.parse(application), own: routeSchema.parse(own) };
  const [modifier, question] = routes.application.spec.rules[0]?.filters ?? [];
  if (modifier?.type !== 'RequestHeaderModifier' || question?.type !== 'ExternalAuth') {
    throw new Error('the client’s headers have to go before the question is asked');
  }
  const { http } = question.externalAuth;
  return {
    routes,
    path: http.path,
    removed: modifier.requestHeaderModifier.remove,
    refuses: refusedBy(routes.application),
    asked: http.allowedHeaders,
    told: http.allowedResponseHeaders,
  };
}

function readEnvoyGateway(): Policy {
  const [gatewayClass, gateway, traffic, security, application, own, ...others] =
    documentsOf('envoy-gateway.yaml');
  if (others.length > 0) throw new Error('unknown documents');
  const { metadata: theClass } = classSchema.parse(gatewayClass);
  const { metadata: theGateway, spec } = gatewaySchema.parse(gateway);
  const clientTraffic = clientTrafficSchema.parse(traffic).spec;
  const { extAuth, targetRefs } = securitySchema.parse(security).spec;
  const routes = { application: routeSchema.parse(application), own: routeSchema.parse(own) };
  if (
    spec.gatewayClassName !== theClass.name ||
    clientTraffic.targetRefs[0]?.name !== theGateway.name ||
    targetRefs[0]?.name !== routes.application.metadata.name
  ) {
    throw new Error('a policy without its target does nothing');
  }
  return {
    routes,
    path: extAuth.http.path,
    removed: clientTraffic.headers.earlyRequestHeaders.remove,
    refuses: (name) => name.includes('_'),
    asked: extAuth.headersToExtAuth,
    told: extAuth.http.headersToBackend,
  };
}

const files = { 'gateway-api.yaml': readGatewayApi, 'envoy-gateway.yaml': readEnvoyGateway };

for (const [file, read] of Object.entries(files)) {
  test(`${file} has documented keys only, a complete question, and no way for forged names`, async (t) => {
    const { routes, path, removed, asked, told, refuses } = read();
    t.equal(path, '/oauth2/forward-auth');
    t.same(sorted(told), saidBySallyport);
    const goesAlong = oneOf(asked);
    for (const name of [...readBySallyport, 'x-forwarded-for']) t.ok(goesAlong(name), name);
    for (const name of namesOfRequests) t.notOk(goesAlong(name), `${name} does not go along`);
    const isRemoved = oneOf(removed);
    for (const name of saidBySallyport) {
      t.ok(isRemoved(name), `${name} is removed`);
      for (const twin of twins(name)) t.ok(twin === name || refuses(twin), twin);
    }
    for (const route of Object.values(routes)) t.same(route.spec.parentRefs, [{ name: 'public' }]);
    const pages = routes.own.spec.rules.flatMap((rule) => {
      t.same(rule.backendRefs, [{ name: 'sallyport', port: 4180 }]);
      const [filter] = rule.filters ?? [];
      const paths = pathsOf(rule);
      // Where it is not Envoy that forwards, what is forwarded is written down.
      if (filter) t.same(filter, rewriteTo(paths[0]?.value));
      t.ok(paths.length === 1 || !filter);
      return paths.map(({ type, value }) => (type === 'Exact' ? value : `${type} ${value}`));
    });
    for (const page of ownPages()) t.ok(pages.includes(page), page);
    t.notOk(
      pages.some((page) => /^PathPrefix|\/(auth|forward-auth)/.test(page)),
      'no question from a browser',
    );
  });

  test(`${file}: a browser logs in through a gateway that does what is documented, and the rules hold`, (t) =>
    checkForwardAuth(t, (place) => startImitation(place, gateway(read())), { withoutCookies: true }));
}

/** The question has method, host and path of the request, and those headers of it that are allowed. */
function gateway({ routes, path, removed, refuses, asked, told }: Policy): ProxyBehaviour {
  const pages = routes.own.spec.rules.flatMap(pathsOf).map(({ value }) => value);
  const isRemoved = oneOf(removed);
  return {
    ownerOf: (url) => (pages.includes(url.replace(/\?.*/s, '')) ? 'gateway' : 'application'),
    refuses,
    takesIn: (name) => !isRemoved(name),
    question: ({ method, url, host, headers, client }) => ({
      method,
      path: path + url,
      headers: [
        ...['Host', host, 'Content-Length', '0', 'X-Forwarded-For', client],
        ...picked(
          headers,
          (name) => oneOf([...asked, 'authorization'])(name) && !/^x-forwarded-for$/i.test(name),
        ),
      ],
    }),
    isYes: (status) => status === 200,
    removes: () => false,
    tells: oneOf(told),
    cookiesOf: () => [],
    outage: 503,
  };
}

import { test } from 'tap';
import { z } from 'zod';
import { parseConfig } from '../../src/config/load.ts';
import { documentsOf, saidBySallyport, sorted } from './documented.ts';
import { normalised, oneOf, type ProxyBehaviour, picked, startImitation } from './imitation.ts';
import { ingressSchema, ownPages, readKubernetes } from './kubernetes.ts';
import { checkForwardAuth } from './scenario.ts';

const prefix = 'nginx.ingress.kubernetes.io/';

/** The annotations of ingress-nginx, of its page "Annotations", that the file uses. */
const annotationsSchema = z.strictObject({
  'auth-url': z.url(),
  'auth-signin': z.string(),
  'auth-response-headers': z.string(),
  'auth-always-set-cookie': z.literal('true'),
  'proxy-body-size': z.literal('0'),
  'proxy-request-buffering': z.literal('off'),
  'proxy-buffering': z.literal('off'),
  'proxy-read-timeout': z.string().regex(/^\d+$/),
  'proxy-send-timeout': z.string().regex(/^\d+$/),
  'proxy-buffer-size': z.string().regex(/^\d+k$/),
});

const ownAnnotationsSchema = z.strictObject({
  'use-regex': z.literal('true'),
  'rewrite-target': z.literal('/oauth2/$1'),
  'proxy-buffer-size': z.string().regex(/^\d+k$/),
});

function read() {
  const [application, own, ...others] = documentsOf('ingress-nginx.yaml').map((one) =>
    ingressSchema.parse(one),
  );
  if (!application || !own || others.length > 0) throw new Error('two of kind Ingress are expected');
  const annotationsOf = ({ metadata }: typeof own) =>
    Object.fromEntries(
      Object.entries(metadata.annotations ?? {}).map(([name, value]) => [name.replace(prefix, ''), value]),
    );
  const annotations = annotationsSchema.parse(annotationsOf(application));
  ownAnnotationsSchema.parse(annotationsOf(own));
  const pathsOf = ({ spec }: typeof own) => spec.rules.flatMap(({ http }) => http.paths);
  return {
    question: new URL(annotations['auth-url']),
    signIn: annotations['auth-signin'],
    told: annotations['auth-response-headers'].split(','),
    application: { ...application, paths: pathsOf(application) },
    own: { ...own, paths: pathsOf(own) },
  };
}

test('Sallyport in Kubernetes: documented keys, a valid configuration, and nobody else may ask', async (t) => {
  const { config, deployment, service, policies } = readKubernetes();
  const env = {
    OIDC_CLIENT_SECRET: 'a',
    SALLYPORT_SESSION_SECRET: Buffer.alloc(32, 1).toString('base64'),
  };
  const parsed = parseConfig(config.data['sallyport.yaml'] ?? '', { file: 'sallyport.yaml', env });
  t.equal(parsed.config.trustedProxies.length, 1);
  t.match(parsed.config.session.store, { url: /^redis:/ }, 'not in cookies, of which only one travels back');
  const [container] = deployment.spec.template.spec.containers;
  t.same(deployment.spec.selector.matchLabels, deployment.spec.template.metadata.labels);
  t.same(service.spec.selector, deployment.spec.template.metadata.labels);
  const ports = container?.ports.map(({ containerPort }) => containerPort);
  t.same(ports, [4180, 4181]);
  t.same(
    service.spec.ports.map(({ port }) => port),
    [4180],
    'the admin port is not published',
  );
  for (const { spec } of policies) {
    t.same(spec.policyTypes, ['Ingress']);
    t.ok(spec.ingress.every(({ from }) => from.length === 1));
  }
  t.same(
    policies.map(({ spec }) => spec.podSelector.matchLabels.app),
    ['sallyport', 'application'],
  );
});

test('the file for ingress-nginx has documented keys only, and asks the right Service', async (t) => {
  const { question, signIn, told, application, own } = read();
  const { service } = readKubernetes();
  const { namespace = 'default', name } = service.metadata;
  t.equal(question.hostname, `${name}.${namespace}.svc.cluster.local`);
  t.equal(question.port, String(service.spec.ports[0]?.port));
  t.equal(question.pathname, '/oauth2/auth');
  t.equal(signIn, 'https://app.example.com/oauth2/start?rd=$escaped_request_uri');
  t.same(sorted(told), saidBySallyport);
  const [page, ...others] = own.paths;
  t.same(others, []);
  t.equal(page?.backend.service.name, 'sallyport');
  t.equal(page?.pathType, 'ImplementationSpecific');
  // The characters that the controller lets into such a path.
  t.match(page?.path, /^[A-Za-z0-9\-._~/^%$[\](){}*+?|]+$/);
  const isOwn = new RegExp(`^${page?.path}`, 'i');
  for (const path of ownPages()) t.match(path, isOwn);
  for (const path of [
    '/oauth2/auth',
    '/oauth2/forward-auth',
    '/oauth2/forward-auth/start',
    '/oauth2/start/x',
  ]) {
    t.notMatch(path, isOwn);
  }
  t.notOk(
    Object.keys(own.metadata.annotations ?? {}).some((key) => key.includes('auth-')),
    'the login itself is not asked about',
  );
  t.same(
    application.paths.map(({ path, pathType }) => [path, pathType]),
    [['/', 'Prefix']],
  );
});

/** The internal location that the controller's template writes for `auth-url`, and what surrounds it. */
function ingressNginx(): ProxyBehaviour {
  const { question, signIn, told, own } = read();
  const isTold = oneOf(told);
  const isOwn = new RegExp(`^${own.paths[0]?.path}`, 'i');
  return {
    // With use-regex, locations are expressions, the longest first.
    ownerOf: (url) => (isOwn.test(normalised(url)) ? 'gateway' : 'application'),
    // Names with an underscore are invalid to nginx and dropped.
    takesIn: (name) => !name.includes('_'),
    question: ({ method, url, host, headers, client }) => ({
      method: 'GET',
      path: question.pathname,
      headers: [
        ...['Host', question.hostname, 'X-Original-URL', `http://${host}${url}`],
        ...['X-Original-Method', method, 'X-Sent-From', 'nginx-ingress-controller'],
        ...['X-Real-IP', client, 'X-Forwarded-For', client, 'X-Auth-Request-Redirect', url],
        // proxy_pass_request_headers is on: whatever the template does not set comes from the client.
        ...picked(
          headers,
          (name) =>
            !oneOf([
              'Host',
              'X-Original-URL',
              'X-Original-Method',
              'X-Sent-From',
              'X-Real-IP',
              'X-Forwarded-For',
              'X-Forwarded-Proto',
              'X-Auth-Request-Redirect',
              'X-Request-ID',
            ])(name),
        ),
      ],
    }),
    isYes: (status) => status >= 200 && status < 300,
    // proxy_set_header with the empty value of an absent header removes it.
    removes: isTold,
    tells: isTold,
    // $upstream_http_set_cookie is the first line.
    cookiesOf: (lines) => lines.slice(0, 1),
    onNo: (status, { host, url }) => {
      const to = signIn
        .replace('https://app.example.com', `http://${host}`)
        .replace('$escaped_request_uri', encodeURIComponent(url));
      if (status === 401) return { status: 302, headers: ['Location', to] };
      return status === 403 ? undefined : { status: 500, headers: [] };
    },
    outage: 500,
  };
}

test('a proxy that does what ingress-nginx documents: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, (place) => startImitation(place, ingressNginx())));

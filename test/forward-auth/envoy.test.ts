import { test } from 'tap';
import { z } from 'zod';
import { documentsOf, namesOfRequests, readBySallyport, saidBySallyport, sorted } from './documented.ts';
import { oneOf, type ProxyBehaviour, picked, startImitation } from './imitation.ts';
import { checkForwardAuth } from './scenario.ts';

/** Envoy's API v3, of version 1.36 and later: the messages that the file uses. */
const type = (name: string) => z.literal(`type.googleapis.com/envoy.extensions.filters.${name}`);
const address = z.strictObject({
  socket_address: z.strictObject({ address: z.string(), port_value: z.int() }),
});
const duration = z.string().regex(/^\d+(\.\d+)?s$/);
const matchers = z.strictObject({ patterns: z.array(z.strictObject({ exact: z.string() })) });

const regex = z.strictObject({ safe_regex: z.strictObject({ regex: z.string() }) });
const header = z.strictObject({ key: z.string(), value: z.string() });
const mutation = z.union([
  z.strictObject({ remove: z.string() }),
  z.strictObject({ remove_on_match: z.strictObject({ key_matcher: regex }) }),
  z.strictObject({
    append: z.strictObject({ header, append_action: z.literal('OVERWRITE_IF_EXISTS_OR_ADD') }),
  }),
]);

const lua = z.strictObject({
  name: z.literal('envoy.filters.http.lua'),
  typed_config: z.strictObject({
    '@type': type('http.lua.v3.Lua'),
    default_source_code: z.strictObject({ inline_string: z.string() }),
  }),
});

const headerMutation = z.strictObject({
  name: z.literal('envoy.filters.http.header_mutation'),
  typed_config: z.strictObject({
    '@type': type('http.header_mutation.v3.HeaderMutation'),
    mutations: z.strictObject({ request_mutations: z.array(mutation) }),
  }),
});

const extAuthz = z.strictObject({
  name: z.literal('envoy.filters.http.ext_authz'),
  typed_config: z.strictObject({
    '@type': type('http.ext_authz.v3.ExtAuthz'),
    transport_api_version: z.literal('V3'),
    failure_mode_allow: z.literal(false),
    status_on_error: z.strictObject({ code: z.int() }),
    allowed_headers: matchers,
    http_service: z.strictObject({
      server_uri: z.strictObject({ uri: z.url(), cluster: z.string(), timeout: duration }),
      path_prefix: z.string(),
      authorization_response: z.strictObject({
        allowed_upstream_headers: matchers,
        dynamic_metadata_from_headers: z.strictObject({
          patterns: z.tuple([z.strictObject({ exact: z.literal('set-cookie') })]),
        }),
        allowed_client_headers_on_success: matchers,
      }),
    }),
  }),
});

const router = z.strictObject({
  name: z.literal('envoy.filters.http.router'),
  typed_config: z.strictObject({ '@type': type('http.router.v3.Router') }),
});

const unasked = z.strictObject({
  'envoy.filters.http.ext_authz': z.strictObject({
    '@type': type('http.ext_authz.v3.ExtAuthzPerRoute'),
    disabled: z.literal(true),
  }),
});

const route = z.strictObject({
  match: z.union([z.strictObject({ prefix: z.string() }), regex]),
  direct_response: z.strictObject({ status: z.int() }).optional(),
  route: z.strictObject({ cluster: z.string(), timeout: duration }).optional(),
  typed_per_filter_config: unasked.optional(),
});

const localReply = z.strictObject({
  mappers: z.array(
    z.strictObject({
      filter: z.strictObject({
        and_filter: z.strictObject({
          filters: z.tuple([
            z.strictObject({ response_flag_filter: z.strictObject({ flags: z.array(z.string()) }) }),
            z.strictObject({
              status_code_filter: z.strictObject({
                comparison: z.strictObject({
                  op: z.literal('EQ'),
                  value: z.strictObject({ default_value: z.int(), runtime_key: z.string() }),
                }),
              }),
            }),
          ]),
        }),
      }),
      headers_to_add: z.array(z.strictObject({ header })),
    }),
  ),
});

const connectionManager = z.strictObject({
  name: z.literal('envoy.filters.network.http_connection_manager'),
  typed_config: z.strictObject({
    '@type': type('network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: z.string(),
    use_remote_address: z.literal(true),
    normalize_path: z.literal(false),
    merge_slashes: z.literal(false),
    path_with_escaped_slashes_action: z.literal('KEEP_UNCHANGED'),
    stream_idle_timeout: duration,
    local_reply_config: localReply,
    common_http_protocol_options: z.strictObject({
      headers_with_underscores_action: z.enum(['DROP_HEADER', 'REJECT_REQUEST']),
    }),
    upgrade_configs: z.array(z.strictObject({ upgrade_type: z.literal('websocket') })),
    // In this order: a filter sees what those before it have left, or behind it, of an answer.
    http_filters: z.tuple([lua, headerMutation, extAuthz, router]),
    route_config: z.strictObject({
      name: z.string(),
      virtual_hosts: z.tuple([
        z.strictObject({ name: z.string(), domains: z.array(z.string()), routes: z.array(route) }),
      ]),
    }),
  }),
});

const cluster = z.strictObject({
  name: z.string(),
  type: z.literal('STATIC'),
  connect_timeout: duration,
  load_assignment: z.strictObject({
    cluster_name: z.string(),
    endpoints: z.array(
      z.strictObject({
        lb_endpoints: z.array(z.strictObject({ endpoint: z.strictObject({ address }) })),
      }),
    ),
  }),
});

const bootstrap = z.strictObject({
  static_resources: z.strictObject({
    listeners: z.tuple([
      z.strictObject({
        name: z.string(),
        address,
        filter_chains: z.tuple([z.strictObject({ filters: z.tuple([connectionManager]) })]),
      }),
    ]),
    clusters: z.array(cluster),
  }),
});

function read() {
  const { static_resources } = bootstrap.parse(documentsOf('envoy.yaml')[0]);
  const manager = static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
  const [, mutation, question] = manager.http_filters;
  const names = ({ patterns }: z.output<typeof matchers>) => patterns.map(({ exact }) => exact);
  const { allowed_headers, http_service, status_on_error } = question.typed_config;
  const { authorization_response: response } = http_service;
  return {
    clusters: static_resources.clusters,
    routes: manager.route_config.virtual_hosts[0].routes,
    ...changes(mutation.typed_config.mutations.request_mutations),
    service: http_service,
    asked: names(allowed_headers),
    told: names(response.allowed_upstream_headers),
    toClient: names(response.allowed_client_headers_on_success),
    outage: status_on_error.code,
  };
}

/** Names that are removed, spellings that are, and names that are set. */
function changes(mutations: z.output<typeof mutation>[]) {
  return {
    removed: mutations.flatMap((one) => ('remove' in one ? [one.remove] : [])),
    odd: mutations.flatMap((one) =>
      'remove_on_match' in one
        ? [new RegExp(`^(?:${one.remove_on_match.key_matcher.safe_regex.regex})$`)]
        : [],
    ),
    set: mutations.flatMap((one) => ('append' in one ? [one.append.header.key] : [])),
  };
}

test('the file for Envoy has documented keys only, a complete question, and no way for forged names', async (t) => {
  const { clusters, routes, removed, odd, set, service, asked, told, toClient } = read();
  t.equal(service.path_prefix, '/oauth2/forward-auth');
  t.same(sorted(told), saidBySallyport);
  t.same(toClient, ['set-cookie']);
  const goesAlong = oneOf(asked);
  for (const name of [...readBySallyport, 'x-forwarded-for']) t.ok(goesAlong(name), name);
  for (const name of namesOfRequests) t.notOk(goesAlong(name), `${name} does not go along`);
  for (const name of [...saidBySallyport, ...namesOfRequests]) t.ok(removed.includes(name), name);
  t.ok(odd.some((pattern) => pattern.test('x.forwarded-user') && !pattern.test(':path')));
  t.same(set, ['x-forwarded-for'], 'the client is who is connected');
  for (const name of [...asked, ...told, ...toClient]) {
    t.equal(name, name.toLowerCase(), 'matchers compare case, and Envoy’s names are in lower case');
  }
  const known = clusters.map(({ name }) => name);
  for (const { route: to } of routes) if (to) t.ok(known.includes(to.cluster));
  for (const { name, load_assignment } of clusters) t.equal(load_assignment.cluster_name, name);
  t.ok(known.includes(service.server_uri.cluster));
  const open = routes.filter(({ typed_per_filter_config: config, route: to }) => config && to);
  t.same(
    open.map(({ match, route: to }) => [match, to?.cluster]),
    [[{ safe_regex: { regex: '/oauth2/[A-Za-z0-9_-]+' } }, 'sallyport']],
    'nothing but the gateway’s own pages is forwarded unasked',
  );
});

/** RE2 writes case-insensitivity into the expression; the whole path has to match. */
const toRegExp = (source: string) =>
  new RegExp(`^(?:${source.replace(/^\(\?i\)/, '')})$`, source.startsWith('(?i)') ? 'i' : '');

/** ext_authz with an HTTP service: the request itself without body, its path behind the prefix. */
function envoy(): ProxyBehaviour {
  const { routes, removed, odd, service, asked, told, toClient, outage } = read();
  const isRemoved = oneOf(removed);
  return {
    ownerOf: (url) => {
      const path = url.replace(/\?.*/s, '');
      const first = routes.find(({ match }) =>
        'prefix' in match ? url.startsWith(match.prefix) : toRegExp(match.safe_regex.regex).test(path),
      );
      if (first?.direct_response) return first.direct_response.status;
      return first?.route?.cluster === 'sallyport' ? 'gateway' : 'application';
    },
    takesIn: (name) =>
      !isRemoved(name) && !name.includes('_') && !odd.some((pattern) => pattern.test(name.toLowerCase())),
    question: ({ method, url, host, headers, client }) => ({
      method,
      path: service.path_prefix + url,
      headers: [
        ...['Host', host, 'Content-Length', '0', 'X-Envoy-Internal', 'true'],
        // The client as the connection manager saw it, and Envoy itself, as its HTTP client adds it.
        ...['X-Forwarded-For', `${client},127.0.0.1`],
        ...picked(
          headers,
          (name) => oneOf([...asked, 'authorization'])(name) && !/^x-forwarded-for$/i.test(name),
        ),
      ],
    }),
    isYes: (status) => status === 200,
    removes: () => false,
    tells: oneOf(told),
    cookiesOf: (lines) => (toClient.includes('set-cookie') ? lines : []),
    outage,
  };
}

test('a proxy that does what Envoy documents: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, (place) => startImitation(place, envoy())));

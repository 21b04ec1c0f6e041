import { asList, asMap, type Inconsistency, isOff, type Loose } from './loose.ts';

const isGiven = (value: unknown) => value !== undefined && !isOff(value);

/** A token needs one way to get it; and a template that names it, a route that gets it. */
export function tokenProblems({ headers, upstream, ...config }: Loose): Inconsistency[] {
  const routes = asList(config.routes).map(asMap);
  const providers = Object.keys(asMap(config.providers));
  if (config.provider !== undefined) providers.unshift('default');
  const found: Inconsistency[] = [];
  for (const [index, route] of routes.entries()) {
    if (route.token === undefined) {
      for (const key of ['headers', 'basicAuth'].filter((name) => namesToken(route[name]))) {
        found.push({ path: ['routes', index, key], message: '{token} needs a `token` of this route.' });
      }
    } else {
      const messages = [wayProblem(asMap(route.token)), providerProblem(asMap(route.token), providers)];
      for (const message of messages.filter((each) => each !== undefined)) {
        found.push({ path: ['routes', index, 'token'], message });
      }
    }
  }
  if (namesToken(headers) && (upstream !== undefined || routes.some(({ token }) => token === undefined))) {
    found.push({ path: ['headers'], message: '{token} needs a `token`, which not every route has.' });
  }
  return found;
}

function wayProblem({ exchange, clientCredentials, resource, audience }: Loose): string | undefined {
  if (isGiven(exchange) && isGiven(clientCredentials)) {
    return '`exchange` and `clientCredentials` are two ways to a token: give one of them.';
  }
  if (isGiven(exchange) || isGiven(clientCredentials)) return undefined;
  if (resource === undefined) {
    return 'it needs a way to a token: `exchange`, `clientCredentials`, or `resource`.';
  }
  return audience === undefined
    ? undefined
    : 'a refresh knows `resource` only: `audience` needs `exchange` or `clientCredentials`.';
}

function providerProblem(
  { provider, clientCredentials }: Loose,
  providers: readonly string[],
): string | undefined {
  if (typeof provider === 'string' && !providers.includes(provider)) {
    return `no provider has the name ${provider}; there are ${providers.join(', ')}.`;
  }
  return isGiven(clientCredentials) && provider === undefined && providers.length !== 1
    ? 'of several providers, `provider` has to name the one that gives the token.'
    : undefined;
}

/** Whether one of the templates holds the value; a doubled brace is a brace. */
function namesToken(templates: unknown): boolean {
  return Object.values(asMap(templates)).some(
    (template) => typeof template === 'string' && /(^|[^{])(\{\{)*\{\s*token\b/.test(template),
  );
}

export function stepUpProblems({ routes }: Loose): Inconsistency[] {
  return asList(routes)
    .map(asMap)
    .flatMap(({ stepUp, allow }, index) =>
      stepUp !== undefined && allow === 'public'
        ? [
            {
              path: ['routes', index, 'stepUp'],
              message: 'the route is public, so nobody is asked to sign in.',
            },
          ]
        : [],
    );
}

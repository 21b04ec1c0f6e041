import type { Config } from '../config/schema/index.ts';
import type { ReadFile } from '../files.ts';
import type { ForwardedRoute } from '../forward/forwarder.ts';
import { type HeaderSet, headerSet, ownedNames } from '../forward/header-set.ts';
import type { HeaderPolicy } from '../forward/request-headers.ts';
import { compileRouteHeaders } from '../forward/route-headers.ts';
import { targetAddress } from '../forward/targets.ts';
import type { Route } from '../routes/table.ts';
import { publicPath, removedPrefix } from '../routes/upstream-path.ts';
import type { GatewayCookies } from '../session/cookie-names.ts';

/** A route, with what it does to a request on its way upstream. */
export interface PlannedRoute extends ForwardedRoute {
  route: Route;
  headers: HeaderSet;
}

/**
 * Throws when a file of a route's `tls` cannot be read.
 * @param read gives the contents of a key file
 */
export function planRoutes(
  config: Config,
  routes: readonly Route[],
  cookies: GatewayCookies,
  read: ReadFile,
): readonly PlannedRoute[] {
  const sets = routes.map((route) => headerSet(config, route));
  const policy: HeaderPolicy = {
    owned: ownedNames(sets, assertionsOf(config)),
    ownsCookie: cookies.owns,
    hidesOwnCookie: cookies.hides,
  };
  return routes.map((route, index) => {
    const headers = sets[index] as HeaderSet;
    const targets = route.upstream.targets.map(({ url }) => targetAddress(url, route, read));
    const signs = route.assertion ?? config.assertion;
    const sources = {
      policy,
      headers,
      prefix: removedPrefix(route),
      toPublicPath: (path: string) => publicPath(route, path),
      origins: targets.map(({ origin }) => origin),
    };
    const { timeout, maxBody, upstream } = route;
    return {
      route,
      index,
      headers,
      targets,
      upstream,
      checkHost: route.preserveHost ? publicHostOf(config, route) : undefined,
      signs,
      timeout,
      maxBody,
      compileHeaders: (value, clock) =>
        compileRouteHeaders(route, {
          ...sources,
          clock,
          assertion: signs && value && { header: signs.header, value },
        }),
    };
  });
}

/** A Host that requests of a route come with. */
function publicHostOf({ publicUrl }: Config, { host }: Route): string {
  if (host !== undefined && !host.startsWith('*')) return host;
  return new URL(publicUrl[0] ?? 'http://localhost').host;
}

/** Every assertion that is configured, for all routes or for one. */
export function assertionsOf(config: Config) {
  return [config, ...config.routes].flatMap(({ assertion }) => assertion ?? []);
}

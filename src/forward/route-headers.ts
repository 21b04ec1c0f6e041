import type { RouteConfig } from '../config/schema/index.ts';
import { type CacheWords, compileAudience } from './caching.ts';
import type { HeaderSet } from './header-set.ts';
import {
  compileInjection,
  compileRequestHeaders,
  type HeaderPolicy,
  type RawHeaders,
  type RequestHeaderBuilder,
} from './request-headers.ts';
import { compileResponseHeaders, type ResponseHeaderWriter } from './response-headers.ts';
import { type CompiledTemplate, namesPerson, type TemplateContext } from './template.ts';

/** What a route does to headers, compiled. */
export interface RouteHeaders {
  /** The headers of a request, on its way upstream. */
  ofRequest: RequestHeaderBuilder;
  /** Those that a route adds alone, for a proxy that forwards by itself. */
  inject(headers: RawHeaders, context: TemplateContext): void;
  /** The headers of an answer, on its way to the browser. */
  ofAnswer: ResponseHeaderWriter;
}

/** What headers depend on, beside the route's own settings. */
export interface HeaderSources {
  policy: HeaderPolicy;
  /** The templates by name; null removes. */
  headers: HeaderSet;
  /** The signed assertion, where the route has one. */
  assertion: { header: string; value: CompiledTemplate } | undefined;
  /** The path that is taken off, for X-Forwarded-Prefix; undefined for none. */
  prefix: string | undefined;
  /** A path of the upstream as browsers have to ask for it; undefined where there is no such path. */
  toPublicPath(path: string): string | undefined;
  /** The origins of its targets. */
  origins: readonly string[];
  cacheWords: CacheWords;
}

export function compileRouteHeaders(
  route: Pick<RouteConfig, 'preserveHost' | 'responseHeaders'> & Parameters<typeof compileAudience>[0],
  { policy, headers, assertion, prefix, toPublicPath, origins, cacheWords }: HeaderSources,
): RouteHeaders {
  const { preserveHost, responseHeaders } = route;
  const computed = assertion && ([[assertion.header, assertion.value]] as const);
  const templates = [...headers.values(), ...Object.values(responseHeaders)];
  const tellsPerson = assertion !== undefined || templates.some((each) => each && namesPerson(each));
  return {
    ofRequest: compileRequestHeaders(policy, { templates: headers, computed, preserveHost, prefix }),
    inject: compileInjection(headers, computed),
    ofAnswer: compileResponseHeaders(responseHeaders, {
      ownsCookie: policy.ownsCookie,
      upstreamOrigins: origins,
      toPublicPath,
      cacheWords,
      audienceOf: compileAudience(route, tellsPerson),
    }),
  };
}

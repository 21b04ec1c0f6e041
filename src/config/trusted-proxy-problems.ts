import { foldName } from '../forward/client-headers.ts';
import { defaultHeaders } from './default-headers.ts';
import { asList, asMap, type Inconsistency, type Loose } from './loose.ts';

/** A header that the gateway sets is never anybody else's, so that no front can vouch for it. */
export function trustedProxyProblems(config: Loose): Inconsistency[] {
  const places = [config, ...asList(config.routes).map(asMap)];
  const names = places.flatMap(({ headers, assertion }) => [
    ...Object.keys(asMap(headers)),
    ...(assertion === undefined ? [] : [String(asMap(assertion).header ?? 'X-Sallyport-Assertion')]),
  ]);
  const owned = new Set([...Object.keys(defaultHeaders), ...names].map(foldName));
  return asList(config.trustedProxies).flatMap((entry, index) =>
    asList(asMap(entry).headers).flatMap((name, at) =>
      typeof name === 'string' && owned.has(foldName(name))
        ? [
            {
              path: ['trustedProxies', index, 'headers', at],
              message: `${name} is a header that the gateway itself sets or removes, so nobody else's goes upstream.`,
            },
          ]
        : [],
    ),
  );
}

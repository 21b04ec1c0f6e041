import { foldName } from '../../forward/client-headers.ts';
import { defaultHeaders } from '../default-headers.ts';
import { type Check, each, type Subject } from './check.ts';
import { routes, type Whole } from './subjects.ts';

/** The names of the headers that the gateway sets or removes itself, folded. */
function ownHeaders(whole: Whole): ReadonlySet<string> {
  const names = [whole, ...routes(whole)].flatMap(({ keys, value: { assertion } }) => [
    ...keys('headers'),
    ...(assertion?.header === undefined ? [] : [assertion.header]),
  ]);
  return new Set([...Object.keys(defaultHeaders), ...names].map(foldName));
}

interface VouchedHeader extends Subject {
  name: string;
}

function ownedByGateway(whole: Whole): VouchedHeader[] {
  const own = ownHeaders(whole);
  return (whole.value.trustedProxies ?? []).flatMap((proxy, index) =>
    (proxy?.headers ?? []).flatMap((name, position) =>
      name !== undefined && own.has(foldName(name))
        ? [{ at: ['trustedProxies', index, 'headers', position], name }]
        : [],
    ),
  );
}

/** A header that the gateway sets is never anybody else's, so that no front can vouch for it. */
export const trustedProxyChecks: readonly Check<Whole>[] = [
  each(ownedByGateway, [
    {
      when: () => true,
      says: ({ name }) =>
        `${name} is a header that the gateway itself sets or removes, so nobody else's goes upstream.`,
    },
  ]),
];

import { staysHere } from '../../egress/rules.ts';
import type { ConfigPath } from '../problems.ts';
import type { Row, Subject } from './check.ts';

/** An address that is asked for something that has to be true. */
export interface Address extends Subject {
  url: string | undefined;
  /** The proxy that calls go through, where the part names one. */
  proxy?: string | undefined;
}

/** The addresses at some keys of a part; none where the part says that it means plain http. */
export function addressesAt<Key extends string>(
  {
    at,
    value,
  }: {
    at: ConfigPath;
    value: { readonly [K in Key]?: string | undefined } & {
      insecureHttp?: boolean | undefined;
      proxy?: string | undefined;
    };
  },
  keys: readonly Key[],
): Address[] {
  return value.insecureHttp === true
    ? []
    : keys.map((key) => ({ at: [...at, key], url: value[key], proxy: value.proxy }));
}

/** Who can change what an issuer answers can sign in as anybody. */
export const isSafe: Row<Address> = {
  when({ url, proxy }) {
    if (url === undefined) return false;
    const parsed = new URL(url);
    return parsed.protocol === 'http:' && !staysHere(parsed, { fixed: proxy });
  },
  says: 'plain http to another machine is not safe: use https, or say `insecureHttp: true`.',
};

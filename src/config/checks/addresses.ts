import { isLoopback } from '../../identity/provider/loopback.ts';
import type { ConfigPath } from '../problems.ts';
import type { Row, Subject } from './check.ts';

/** An address that is asked for something that has to be true. */
export interface Address extends Subject {
  url: string | undefined;
}

/** The addresses at some keys of a part; none where the part says that it means plain http. */
export function addressesAt<Key extends string>(
  {
    at,
    value,
  }: {
    at: ConfigPath;
    value: { readonly [K in Key]?: string | undefined } & { insecureHttp?: boolean | undefined };
  },
  keys: readonly Key[],
): Address[] {
  return value.insecureHttp === true ? [] : keys.map((key) => ({ at: [...at, key], url: value[key] }));
}

/** Who can change what an issuer answers can sign in as anybody. */
export const isSafe: Row<Address> = {
  when({ url }) {
    if (url === undefined) return false;
    const parsed = new URL(url);
    return parsed.protocol === 'http:' && !isLoopback(parsed);
  },
  says: 'plain http to another machine is not safe: use https, or say `insecureHttp: true`.',
};

import { fapi2Algorithms, isKeyedWithSecret, secretBytesFor } from '../../identity/provider/algorithms.ts';
import { type Check, each, type Subject } from './check.ts';
import type { Provider } from './subjects.ts';

/** One algorithm that is named, with the provider around it. */
interface Named extends Subject {
  algorithm: string;
  provider: Provider;
}

const named = (provider: Provider): Named[] =>
  (provider.value.idTokenAlgorithms ?? []).flatMap((algorithm) =>
    algorithm === undefined ? [] : [{ at: provider.at, algorithm, provider }],
  );

/** Those that are keyed with the client secret. */
const keyed = (provider: Provider): Named[] =>
  named(provider).filter(({ algorithm }) => isKeyedWithSecret(algorithm));

const bytesOf = (secret: string): number => Buffer.byteLength(secret);

/** What the algorithms of ID tokens need and exclude. */
export const idTokenAlgorithmChecks: readonly Check<Provider>[] = [
  {
    key: 'idTokenAlgorithms',
    when: ({ has, value }) => has('idTokenAlgorithms') && value.type === 'oauth2',
    says: 'with `type: oauth2` there is no ID token.',
  },
  each(keyed, [
    {
      key: 'idTokenAlgorithms',
      when: ({ provider: { has } }) => !has('clientSecret'),
      says: ({ algorithm }) =>
        `${algorithm} is keyed with the client secret: give \`clientSecret\`, or drop it.`,
    },
    {
      key: 'clientSecret',
      when: ({ algorithm, provider: { value } }) =>
        value.clientSecret !== undefined && bytesOf(value.clientSecret) < secretBytesFor(algorithm),
      says: ({ algorithm }) =>
        `${algorithm} of \`idTokenAlgorithms\` needs a secret of ${secretBytesFor(algorithm)} bytes or more (RFC 7518 §3.2): have the provider issue a longer one, or sign with RS256.`,
    },
  ]),
  each(named, [
    {
      key: 'idTokenAlgorithms',
      when: ({ algorithm, provider: { value } }) =>
        value.profile === 'fapi2' && !fapi2Algorithms.includes(algorithm),
      says: ({ algorithm }) =>
        `\`profile: fapi2\` allows ${fapi2Algorithms.slice(0, 3).join(', ')} only, not ${algorithm}.`,
    },
  ]),
];

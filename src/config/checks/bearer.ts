import { onlyForClients } from '../../access/rule.ts';
import { isSameIssuer, issuerSpellings } from '../../identity/tokens/issuer.ts';
import { addressesAt, isSafe } from './addresses.ts';
import { type Check, each, type Subject } from './check.ts';
import { resourceChecks } from './resource.ts';
import {
  type BearerEntry,
  bearerEntries,
  providerNames,
  providers,
  type Route,
  routes,
  type Whole,
} from './subjects.ts';

const isOpaque = ({ has }: BearerEntry): boolean => has('introspectionEndpoint');

interface EntryKey extends Subject {
  isOpaque: boolean;
}

/** The keys of the other kind of entry: of JWTs, or of introspection. */
function keysWithoutEffect(entry: BearerEntry): EntryKey[] {
  const others = isOpaque(entry)
    ? ['jwksUri', 'algorithms', 'type', 'insecureIdToken']
    : ['clientId', 'clientSecret', 'clientIds', 'clientAuth'];
  return others
    .filter((key) => entry.has(key))
    .map((key) => ({ at: [...entry.at, key], isOpaque: isOpaque(entry) }));
}

const entryChecks: readonly Check<BearerEntry>[] = [
  {
    key: 'issuer',
    when: (entry) => !isOpaque(entry) && !entry.has('issuer'),
    says: 'this key is required: whose JWTs are accepted (or give `introspectionEndpoint`).',
  },
  {
    key: 'clientId',
    when: (entry) => isOpaque(entry) && !entry.has('clientId'),
    says: 'this key is required: who asks `introspectionEndpoint`.',
  },
  {
    key: 'clientSecret',
    when: (entry) => isOpaque(entry) && !entry.has('clientSecret'),
    says: 'this key is required: who asks `introspectionEndpoint`.',
  },
  each(keysWithoutEffect, [
    {
      when: () => true,
      says: (key) =>
        `${key.isOpaque ? 'tokens are looked up here, and not verified' : 'no token is looked up here'}, so this would have no effect.`,
    },
  ]),
  each((entry) => addressesAt(entry, ['issuer', 'jwksUri', 'introspectionEndpoint']), [isSafe]),
];

/** Whether some route asks a token for its audience. */
const needsAudience = (whole: Whole): boolean =>
  whole.has('upstream') ||
  routes(whole).some(({ has, value }) => value.allow !== 'public' && !has('resource'));

/** Whether ID tokens are for this audience: it is a client of the same issuer. */
function isClient({ value: { issuer, audience = [] }, whole }: BearerEntry): boolean {
  return providers(whole).some(
    ({ value }) =>
      isSameIssuer(value.issuer, issuer) && value.clientId !== undefined && audience.includes(value.clientId),
  );
}

/** A token that is for nobody in particular is good at every API of its issuer, and so must not be here. */
const audienceChecks: readonly Check<BearerEntry>[] = [
  {
    key: 'audience',
    // What has no audience is looked up by a server that knows who asks, and may say no.
    when: (entry) => !entry.has('audience') && !isOpaque(entry) && needsAudience(entry.whole),
    says: 'this key is required: whom tokens must be for (or give each route a `resource`).',
  },
  {
    key: 'audience',
    when: (entry) =>
      !entry.has('audience') &&
      !isOpaque(entry) &&
      !needsAudience(entry.whole) &&
      entry.value.insecureIdToken === true,
    says: 'this key is required: the clients whose ID tokens count.',
  },
  {
    key: 'audience',
    when: (entry) =>
      entry.value.insecureIdToken !== true &&
      (entry.value.type ?? []).some((type) => type?.toLowerCase() === 'jwt') &&
      isClient(entry),
    says: 'with `type: JWT`, ID tokens for this client would pass for access tokens: use another.',
  },
];

interface RepeatedIssuer extends Subject {
  first: number;
}

function repeatedIssuers(whole: Whole): RepeatedIssuer[] {
  const seen = new Map<string, number>();
  return bearerEntries(whole).flatMap((entry) => {
    const { at, index, value } = entry;
    if (value.issuer === undefined || isOpaque(entry)) return [];
    const [issuer] = issuerSpellings(value.issuer);
    const first = seen.get(issuer);
    if (first !== undefined) return [{ at: [...at, 'issuer'], first }];
    seen.set(issuer, index);
    return [];
  });
}

const hasBearer = (whole: Whole): boolean => (whole.value.bearer ?? []).length > 0;

/** The conditions of a route that only an access token meets, where none is accepted. */
function conditionsOnTokens({ at, keys, value: { allow }, whole }: Route): Subject[] {
  if (hasBearer(whole) || !Array.isArray(allow)) return [];
  return allow.flatMap((alternative, index) => {
    const values: Readonly<Record<string, unknown>> = alternative ?? {};
    // One whose value is not valid is there all the same.
    const given = keys('allow', index).map((name) => [name, values[name] ?? null]);
    const key = onlyForClients(Object.fromEntries(given));
    return key === undefined ? [] : [{ at: [...at, 'allow', index, key] }];
  });
}

const onRoutes: readonly Check<Route>[] = [
  {
    key: 'unauthenticated',
    when: ({ value, whole }) =>
      hasBearer(whole) && providerNames(whole).length === 0 && value.unauthenticated === 'login',
    says: 'there is no `provider` at which anybody could sign in.',
  },
  each(conditionsOnTokens, [
    {
      when: () => true,
      says: 'without the top-level `bearer` no access token is accepted, so this never holds.',
    },
  ]),
  ...resourceChecks,
];

/** Whose access tokens are accepted, and what routes ask of them. */
export const bearerChecks: readonly Check<Whole>[] = [
  each(bearerEntries, entryChecks),
  each(bearerEntries, audienceChecks),
  each(repeatedIssuers, [
    {
      when: () => true,
      says: ({ first }) => `bearer[${first}] has this issuer already: list the audiences of both there.`,
    },
  ]),
  each(routes, onRoutes),
];

import type { ClaimRole } from '../../access/condition.ts';
import type { Sender } from '../../access/passing.ts';
import type { BearerConfig, Config, ProviderConfig } from '../../config/schema/index.ts';
import { isSameIssuer } from '../../identity/tokens/issuer.ts';

/** A kind of sender, as two configurations know it. */
export interface KnownSender {
  /** As people would call them. */
  name: string;
  before: Sender | undefined;
  after: Sender | undefined;
  /** The same people are known in both: one who is known after was known before. */
  isSame: boolean;
  /** What is read in another way of them, though they are the same people. */
  moved: ReadonlySet<ClaimRole>;
}

/** All that do not say who somebody is. What is not named here does. */
const harmlessOfProvider = namesOf<ProviderConfig>(
  ...(['label', 'icon', 'match', 'ca', 'timeout', 'ownCallback', 'preset'] as const),
  ...(['clientSecret', 'clientAuth', 'privateKey', 'assertionAudience', 'tls', 'pkce', 'dpop'] as const),
  ...(['prompt', 'allowedParams', 'par', 'requestObject', 'jarm', 'responseMode', 'profile'] as const),
  ...(['revocationEndpoint', 'endSessionEndpoint', 'endSessionParams'] as const),
  ...(['pushedAuthorizationRequestEndpoint', 'clientAssertionFile', 'secretFromKey'] as const),
);
const harmlessOfBearer = namesOf<BearerConfig>('ca', 'timeout', 'clientSecret', 'clientAuth');

function namesOf<Config>(...names: (keyof Config & string)[]): ReadonlySet<string> {
  return new Set(names);
}

/** Everybody whom one of two configurations may know, nobody first. */
export function sendersOf(before: Config, after: Config): KnownSender[] {
  const nobody: Sender = { who: 'nobody' };
  return [
    { name: 'who is not signed in', before: nobody, after: nobody, isSame: true, moved: new Set() },
    ...paired(providersOf(before), providersOf(after)),
    ...paired(issuersOf(before), issuersOf(after)),
    ...(before.bearer.length + after.bearer.length > 0
      ? [
          {
            ...{ name: 'clients with another access token', isSame: true, moved: new Set<ClaimRole>() },
            before: unknownClient(before),
            after: unknownClient(after),
          },
        ]
      : []),
  ];
}

/** A client whose access token does not count: where none do, nobody looks at it. */
export const unknownClient = ({ bearer }: Config): Sender => ({
  who: bearer.length > 0 ? 'refused client' : 'nobody',
});

interface Source {
  name: string;
  sender: Sender;
  identity: string;
  roles: Readonly<Partial<Record<ClaimRole, string>>>;
}

function paired(before: ReadonlyMap<string, Source>, after: ReadonlyMap<string, Source>): KnownSender[] {
  return [...new Set([...before.keys(), ...after.keys()])].map((key): KnownSender => {
    const [old, now] = [before.get(key), after.get(key)];
    const roles = Object.keys({ ...old?.roles, ...now?.roles }) as ClaimRole[];
    return {
      name: (now ?? old)?.name ?? key,
      before: old?.sender,
      after: now?.sender,
      isSame: old?.identity === now?.identity,
      moved: new Set(old && now ? roles.filter((role) => old.roles[role] !== now.roles[role]) : []),
    };
  });
}

function providersOf({ providers }: Config): Map<string, Source> {
  return new Map(
    Object.entries(providers).map(([name, config]): [string, Source] => {
      const { insecureUnverifiedEmail, requireVerifiedEmail, ...rest } = config;
      return [
        name,
        {
          name: `who is signed in with ${name}`,
          sender: { who: 'session', provider: name },
          identity: identityOf(rest, harmlessOfProvider),
          roles: rolesOf(config.claims, [insecureUnverifiedEmail, requireVerifiedEmail]),
        },
      ];
    }),
  );
}

function issuersOf({ bearer, providers, shown }: Config): Map<string, Source> {
  return new Map(
    bearer.map((config, at): [string, Source] => {
      const { requireVerifiedEmail, ...rest } = config;
      const isOurs = ({ issuer }: { issuer?: string | undefined }) => isSameIssuer(issuer, config.issuer);
      const [provider] = Object.entries(providers).find(([, each]) => isOurs(each)) ?? [];
      // An address may hold a secret in its query.
      const told = (shown.bearer as Partial<BearerConfig>[])[at];
      const name = told?.issuer ?? told?.introspectionEndpoint ?? '';
      const isSecond = bearer.findIndex((each) => each === config || isOurs(each)) < at;
      return [
        isSecond ? `${name} ${at}` : name,
        {
          name: `clients with an access token of ${name}`,
          sender: { who: 'client', provider },
          identity: identityOf(rest, harmlessOfBearer),
          roles: rolesOf(config.claims, [requireVerifiedEmail]),
        },
      ];
    }),
  );
}

function identityOf(
  config: { claims: Pick<ProviderConfig['claims'], 'username' | 'from'> },
  harmless: ReadonlySet<string>,
): string {
  const telling = Object.entries(config).filter(([key]) => key !== 'claims' && !harmless.has(key));
  // It is a claim of its own to rules.
  return JSON.stringify([telling, config.claims.username, config.claims.from]);
}

function rolesOf(claims: ProviderConfig['claims'], verified: readonly boolean[]): Source['roles'] {
  const { user, email, emailVerified, groups, groupsSeparator } = claims;
  return {
    user,
    email: JSON.stringify([email, verified]),
    emailVerified: JSON.stringify([emailVerified, verified]),
    groups: JSON.stringify([groups, groupsSeparator]),
  };
}

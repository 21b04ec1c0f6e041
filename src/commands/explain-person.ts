import { readFileSync } from 'node:fs';
import type { Config } from '../config/schema/index.ts';
import { mask } from '../config/secrets.ts';
import { pickClaims } from '../identity/claims/claims.ts';
import { personOf, personRules } from '../identity/claims/person.ts';
import { scopesOf } from '../identity/tokens/access-token.ts';
import { isSameIssuer, ofIssuer } from '../identity/tokens/issuer.ts';
import type { Plan } from '../plan/plan.ts';
import type { Route } from '../routes/table.ts';

/** The person that `explain` is asked about. */
export interface AskedPerson {
  claims: Record<string, unknown> | undefined;
  /** The claims are of an access token. */
  bearer: boolean;
}

/** The claims of a JSON file. Throws Error with a sentence for a file that has none. */
export function readClaims(file: string): Record<string, unknown> {
  let claims: unknown;
  try {
    claims = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file} cannot be read as JSON: ${(error as Error).message}`, { cause: error });
  }
  if (claims === null || typeof claims !== 'object' || Array.isArray(claims)) {
    throw new Error(`${file} has to hold an object of claims, such as {"sub":"ada","groups":["staff"]}`);
  }
  return claims as Record<string, unknown>;
}

/** The person who has the claims in question, with a session or with an access token; undefined where there are none. */
export function personFor(
  { config, claims: { claimPaths } }: Plan,
  route: Route,
  { claims: given, bearer }: AskedPerson,
) {
  if (!given) return undefined;
  if (bearer) return clientOf(config, given, claimPaths);
  const provider = route.provider?.[0] ?? Object.keys(config.providers)[0] ?? '';
  const settings = config.providers[provider];
  if (!settings) return undefined;
  const claims = pickClaims(given, claimPaths, settings.claims.username);
  const accessToken = settings.dpop ? undefined : mask;
  const tokens = { accessToken, idToken: mask, sessionId: mask, provider };
  return { ...personOf(personRules(settings), String(given.sub ?? ''), claims), ...tokens };
}

/** A client whose access token has these claims; without `iss`, of the first issuer. */
function clientOf(
  { bearer, providers }: Config,
  given: Record<string, unknown>,
  claimPaths: ReadonlySet<string>,
) {
  const issuer = given.iss ?? bearer[0]?.issuer;
  const entry = bearer.find((each) => isSameIssuer(each.issuer, issuer));
  if (!entry) return undefined;
  const [provider] =
    ofIssuer(String(issuer), (spelling) =>
      Object.entries(providers).find(([, each]) => each.issuer === spelling),
    ) ?? [];
  const { requireVerifiedEmail } = entry;
  const rules = { claims: entry.claims, countUnverifiedEmail: false, requireVerifiedEmail };
  return {
    ...personOf(rules, String(given.sub ?? ''), pickClaims(given, claimPaths, entry.claims.username)),
    bearer: true,
    scopes: scopesOf(given),
    provider,
    accessToken: mask,
    idToken: undefined,
    sessionId: undefined,
  };
}

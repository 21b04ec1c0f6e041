import type { BearerConfig } from '../../config/schema/index.ts';
import type { PersonRules } from '../claims/person.ts';
import { openProviderHttp, type ProviderHttp } from '../provider/http.ts';
import { createStanding, rejectionOf, type Standing, type Trouble } from '../provider/standing.ts';
import { watchCalls } from '../provider/watch-calls.ts';
import {
  type Introspector,
  type IntrospectorNeeds,
  introspectionOf,
  openIntrospector,
} from './introspect.ts';
import { type JwtVerifier, openJwtVerifier } from './verify-jwt.ts';

/** An issuer of access tokens at work: it verifies them, or looks them up. */
export interface Source {
  rules: PersonRules;
  audiences: ReadonlySet<string>;
  /** Whether a token that names no audience will do, of this client. */
  mayBeForNobody(clientId: string | undefined): boolean;
  /** Milliseconds by which its clock may differ. */
  clockTolerance: number;
  verifier: JwtVerifier | undefined;
  introspector: Introspector | undefined;
  /** What of it does not work now, as far as calls have told. */
  troubles(): Trouble[];
  /** Who is believed to be the one that was asked, as a key. */
  trust: string;
}

/**
 * Opens an entry of `bearer`. Nothing is fetched before a token needs it.
 * @param name what the entry is called where people read of it
 */
export function openSource(entry: BearerConfig, name: string, needs: IntrospectorNeeds): Source {
  const { issuer, audience, clientId, claims, clockTolerance, requireVerifiedEmail } = entry;
  const standing = createStanding(needs.clock);
  const place = introspectionOf(entry);
  const http = standing.watch(openWatched(entry, place?.endpoint, needs));
  return {
    rules: { claims, countUnverifiedEmail: false, requireVerifiedEmail },
    // RFC 7662 §2.2: a server may leave `aud` out, and a token for somebody else names them.
    audiences: new Set(audience ?? [clientId ?? '']),
    mayBeForNobody: place === undefined ? () => false : forNobody(entry),
    clockTolerance,
    introspector: place && openIntrospector(entry, place, http, { ...needs, standing }),
    verifier: place || issuer === undefined ? undefined : openJwtVerifier(entry, issuer, http, needs),
    troubles: () => troublesOf(name, standing),
    trust: http.trust,
  };
}

/**
 * A token for nobody in particular: of the clients that are named; or, where neither they nor an audience are, of any,
 * since the server that looked it up knows for whom it did.
 */
function forNobody({ audience, clientIds }: BearerConfig): Source['mayBeForNobody'] {
  if (clientIds === undefined) return () => audience === undefined;
  return (clientId) => clientId !== undefined && clientIds.includes(clientId);
}

function troublesOf(name: string, standing: Standing): Trouble[] {
  const troubles: Trouble[] = [];
  if (standing.isSilent())
    troubles.push({ reason: 'issuer_unreachable', name, detail: 'the last call had no answer' });
  return [...troubles, ...rejectionOf(name, standing)];
}

/** The connections; each call is told of under the host of whom the entry names, as a rejection is. */
function openWatched(
  entry: BearerConfig,
  introspection: string | undefined,
  needs: IntrospectorNeeds,
): ProviderHttp {
  const http = openProviderHttp(entry, needs);
  const { host: name } = new URL(introspection ?? entry.issuer ?? 'http://unknown');
  const known = introspection === undefined ? undefined : { introspection_endpoint: introspection };
  // Beside discovery, a verifier asks for keys alone.
  const watch = { ...needs, name, metadata: () => known, unknown: 'keys' as const };
  return { ...http, fetch: watchCalls(http.fetch, watch) };
}

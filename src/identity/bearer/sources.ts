import type { BearerConfig } from '../../config/schema/index.ts';
import type { PersonRules } from '../claims/person.ts';
import { openProviderHttp } from '../provider/http.ts';
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
  /** A token that names no audience will do: the server that looked it up knows for whom it did. */
  mayBeForNobody: boolean;
  /** Milliseconds by which its clock may differ. */
  clockTolerance: number;
  verifier: JwtVerifier | undefined;
  introspector: Introspector | undefined;
  /** Who is believed to be the one that was asked, as a key. */
  trust: string;
}

/** Opens an entry of `bearer`. Nothing is fetched before a token needs it. */
export function openSource(entry: BearerConfig, needs: IntrospectorNeeds): Source {
  const { issuer, audience, clientId, claims, clockTolerance, requireVerifiedEmail } = entry;
  const http = openProviderHttp(entry, needs);
  const place = introspectionOf(entry);
  return {
    rules: { claims, countUnverifiedEmail: false, requireVerifiedEmail },
    // RFC 7662 §2.2: a server may leave `aud` out, and a token for somebody else names them.
    audiences: new Set(audience ?? [clientId ?? '']),
    mayBeForNobody: place !== undefined && audience === undefined,
    clockTolerance,
    introspector: place && openIntrospector(entry, place, http, needs),
    verifier: place || issuer === undefined ? undefined : openJwtVerifier(entry, issuer, http, needs),
    trust: http.trust,
  };
}

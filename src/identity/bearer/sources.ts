import type { BearerConfig } from '../../config/schema/index.ts';
import type { Logger } from '../../observe/log.ts';
import type { PersonRules } from '../person.ts';
import { createProviderHttp } from '../provider/http.ts';
import { createIntrospector, type Introspector, introspectionOf } from './introspect.ts';
import { createJwtVerifier, type JwtVerifier } from './verify-jwt.ts';

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
  close(): Promise<void>;
}

/** Opens an entry of `bearer`. Nothing is fetched before a token needs it. */
export function openSource(entry: BearerConfig, log: Logger, now: () => number): Source {
  const { issuer, audience, clientId, claims, clockTolerance, requireVerifiedEmail } = entry;
  const http = createProviderHttp(entry);
  const place = introspectionOf(entry);
  return {
    rules: { claims, countUnverifiedEmail: false, requireVerifiedEmail },
    // RFC 7662 §2.2: a server may leave `aud` out, and a token for somebody else names them.
    audiences: new Set(audience ?? [clientId ?? '']),
    mayBeForNobody: place !== undefined && audience === undefined,
    clockTolerance,
    introspector: place && createIntrospector(entry, place, http, log, now),
    verifier: place || issuer === undefined ? undefined : createJwtVerifier(entry, issuer, http, now),
    close: () => http.close(),
  };
}

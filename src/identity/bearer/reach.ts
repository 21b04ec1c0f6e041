import { randomBytes } from 'node:crypto';
import type { BearerConfig } from '../../config/schema/index.ts';
import type { ProviderHttp } from '../provider/http.ts';
import { createIntrospector, introspectionOf } from './introspect.ts';
import { createIssuerMetadata } from './issuer-metadata.ts';
import { TokenRejected } from './rejected.ts';

/** Tries what an entry of `bearer` names: its keys, or its introspection endpoint. Rejects with what failed. */
export async function reachIssuer(entry: BearerConfig, http: ProviderHttp): Promise<void> {
  const place = introspectionOf(entry);
  if (place) {
    // A token that nobody issued: to say so, the endpoint has to know the gateway.
    const madeUp = randomBytes(24).toString('base64url');
    const asked = createIntrospector(entry, place, http).introspect(madeUp, '');
    await asked.catch((error: unknown) => {
      if (!(error instanceof TokenRejected)) throw error;
    });
    return;
  }
  const { jwks_uri: uri = '' } = await createIssuerMetadata(entry, entry.issuer ?? '', http)();
  const signal = AbortSignal.timeout(entry.timeout);
  const answer = await http.fetch(uri, {
    method: 'GET',
    headers: {},
    body: undefined,
    redirect: 'manual',
    signal,
  });
  if (answer.status !== 200) throw new Error(`the keys were answered with ${answer.status}`);
}

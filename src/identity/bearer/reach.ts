import { randomBytes } from 'node:crypto';
import { type Clock, withLimit } from '../../clock.ts';
import type { BearerConfig } from '../../config/schema/index.ts';
import type { ProviderHttp } from '../provider/http.ts';
import { connectIntrospection } from '../provider/introspection.ts';
import { introspectionOf } from './introspect.ts';
import { findIssuer } from './issuer-metadata.ts';

/** Tries what an entry of `bearer` names: its keys, or its introspection endpoint. Rejects with what failed. */
export async function reachIssuer(
  entry: BearerConfig,
  http: ProviderHttp,
  clock: Pick<Clock, 'after'>,
): Promise<void> {
  const place = introspectionOf(entry);
  if (place) {
    // A token that nobody issued: to say so, the endpoint has to know the gateway.
    await connectIntrospection(entry, place, http.fetch).introspect(randomBytes(24).toString('base64url'));
    return;
  }
  const { issuer = '', jwksUri, timeout } = entry;
  const uri = jwksUri ?? (await findIssuer(entry, issuer, http)).jwks_uri ?? '';
  await withLimit(clock, timeout, async (signal) => {
    const answer = await http.fetch(uri, {
      method: 'GET',
      headers: {},
      body: undefined,
      redirect: 'manual',
      signal,
    });
    await answer.body?.cancel();
    if (answer.status !== 200) throw new Error(`the keys were answered with ${answer.status}`);
  });
}

import { type DpopKey, signProof } from '../tokens/dpop-key.ts';
import type { ProviderFetch } from './http.ts';

export interface ProvingFetch {
  fetch: ProviderFetch;
  /** Whether the provider named the nonce that the next proof will have. */
  hasNonce(): boolean;
}

/** Sends calls with a proof of the key (RFC 9449 §4), and with the nonce that came last. @param now in milliseconds */
export function provingFetch(send: ProviderFetch, key: DpopKey, now: () => number): ProvingFetch {
  let nonce: string | undefined;
  return {
    hasNonce: () => nonce !== undefined,
    fetch: async (url, options) => {
      const { origin, pathname } = new URL(url);
      const call = { method: options.method, url: origin + pathname, nonce, now: now() / 1000 };
      const headers = {
        ...Object.fromEntries(new Headers(options.headers)),
        dpop: await signProof(key, call),
      };
      const response = await send(url, { ...options, headers });
      nonce = response.headers.get('dpop-nonce') ?? nonce;
      return response;
    },
  };
}

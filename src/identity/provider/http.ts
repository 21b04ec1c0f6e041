import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import type { CustomFetch } from 'openid-client';
import { Agent, fetch as undiciFetch } from 'undici';
import type { ProviderConfig } from '../../config/schema/index.ts';

/** No answer of a provider is near this; more would only fill memory. */
const largestAnswer = 1024 * 1024;

/** Requests wait less long for a refresh; the refresh itself goes on, since its answer must not be lost. */
export const refreshTimeoutMs = 60_000;

export interface ProviderHttp {
  fetch: CustomFetch;
  close(): Promise<void>;
}

/** The way to the provider: certificates verified, answers bounded in size and time, redirects not followed. */
export function createProviderHttp({
  ca,
  timeout,
  tls,
}: Pick<ProviderConfig, 'ca' | 'timeout'> & Partial<Pick<ProviderConfig, 'tls'>>): ProviderHttp {
  const agent = new Agent({
    connect: {
      timeout,
      ...(ca !== undefined && { ca: [...rootCertificates, readFileSync(ca, 'utf8')] }),
      // Servers that don't ask for a certificate are not shown it.
      ...(tls && { cert: readFileSync(tls.cert, 'utf8'), key: readFileSync(tls.key, 'utf8') }),
    },
    // The limit of a call is set by its caller; these only bound what nobody waits for.
    headersTimeout: Math.max(timeout, refreshTimeoutMs),
    bodyTimeout: Math.max(timeout, refreshTimeoutMs),
    maxResponseSize: largestAnswer,
  });
  return {
    // openid-client writes against the global fetch, whose types and undici's differ in name only.
    fetch: ((url: string, options: object) =>
      undiciFetch(url, { ...options, dispatcher: agent })) as unknown as CustomFetch,
    close: () => agent.destroy(),
  };
}

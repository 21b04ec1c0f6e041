import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import type { CustomFetch } from 'openid-client';
import { Agent, fetch as undiciFetch } from 'undici';
import type { ProviderConfig } from '../../config/schema/index.ts';

/** No answer of a provider is near this; more would only fill memory. */
const largestAnswer = 1024 * 1024;

export interface ProviderHttp {
  fetch: CustomFetch;
  close(): Promise<void>;
}

/** The way to the provider: certificates verified, answers bounded in size and time, redirects not followed. */
export function createProviderHttp({ ca, timeout }: ProviderConfig): ProviderHttp {
  const agent = new Agent({
    connect: { timeout, ...(ca !== undefined && { ca: [...rootCertificates, readFileSync(ca, 'utf8')] }) },
    headersTimeout: timeout,
    bodyTimeout: timeout,
    maxResponseSize: largestAnswer,
  });
  return {
    // openid-client writes against the global fetch, whose types and undici's differ in name only.
    fetch: ((url: string, options: object) =>
      undiciFetch(url, { ...options, dispatcher: agent })) as unknown as CustomFetch,
    close: () => agent.destroy(),
  };
}

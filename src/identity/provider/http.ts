import type { CustomFetch } from 'openid-client';
import { Agent, fetch as undiciFetch } from 'undici';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { withUsualAuthorities } from '../../egress/authorities.ts';
import { createConnect } from '../../egress/connect.ts';
import { compileWay } from '../../egress/rules.ts';
import type { ReadFile } from '../../files.ts';
import type { Keep } from '../../holdings.ts';
import { naturalKey } from './natural-key.ts';

/** No answer of a provider is near this; more would only fill memory. */
const largestAnswer = 1024 * 1024;

/** Requests wait less long for a refresh; the refresh itself goes on, since its answer must not be lost. */
export const refreshTimeoutMs = 60_000;

export type ProviderFetch = CustomFetch;

/** The connections to a provider, or to an issuer of access tokens. */
export interface ProviderHttp {
  /** How they are made, as a key: the same for those that are made alike. */
  key: string;
  /**
   * Who is believed to be the one that was asked, as a key: a part of what is known of a provider. How long a call may
   * take, and with which certificate of its own the gateway asks, changes nothing of what is known.
   */
  trust: string;
  fetch: ProviderFetch;
  /** Closes them when the calls under way have ended. */
  close(): Promise<void>;
}

export type HttpSettings = Pick<ProviderConfig, 'ca' | 'timeout'> &
  Partial<Pick<ProviderConfig, 'tls' | 'egress'>>;

/** The settings with the contents of the files that they name: a certificate that was renewed is another one. */
export function readHttpSettings({ ca, timeout, tls, egress = {} }: HttpSettings, read: ReadFile) {
  const textOf = (file: string | undefined) => (file === undefined ? undefined : read(file));
  return { timeout, egress, ca: textOf(ca), cert: textOf(tls?.cert), key: textOf(tls?.key) };
}

/** The way to the provider: certificates verified, answers bounded in size and time, redirects not followed. */
export function createProviderHttp(settings: HttpSettings, read: ReadFile): ProviderHttp {
  return createWith(readHttpSettings(settings, read));
}

/** The same, shared by all that are set alike. Throws when a file cannot be read. */
export function openProviderHttp(
  settings: HttpSettings,
  { keep, read }: { keep: Keep; read: ReadFile },
): ProviderHttp {
  const texts = readHttpSettings(settings, read);
  return keep('provider connections', naturalKey(texts), () => createWith(texts), closeConnections);
}

/** Apart from the settings of whoever opened them. */
const closeConnections = (http: ProviderHttp) => http.close();

function createWith(settings: ReturnType<typeof readHttpSettings>): ProviderHttp {
  const { timeout, egress, ca, cert, key } = settings;
  const authorities = ca === undefined ? undefined : withUsualAuthorities(ca);
  const agent = new Agent({
    connect: createConnect(compileWay(egress), {
      timeout,
      proxyCa: authorities,
      ...(authorities && { ca: authorities }),
      // Servers that don't ask for a certificate are not shown it.
      ...(cert !== undefined && key !== undefined && { cert, key }),
    }),
    // The limit of a call is set by its caller; these only bound what nobody waits for.
    headersTimeout: Math.max(timeout, refreshTimeoutMs),
    bodyTimeout: Math.max(timeout, refreshTimeoutMs),
    maxResponseSize: largestAnswer,
  });
  return {
    key: naturalKey(settings),
    trust: naturalKey(ca),
    // openid-client writes against the global fetch, whose types and undici's differ in name only.
    fetch: ((url: string, options: object) =>
      undiciFetch(url, { ...options, dispatcher: agent })) as unknown as CustomFetch,
    close: () => agent.close(),
  };
}

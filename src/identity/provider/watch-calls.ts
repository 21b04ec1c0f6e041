import type { Clock } from '../../clock.ts';
import type { ProviderEndpoint } from '../../observe/events/providers.ts';
import type { Emit } from '../../observe/events.ts';
import type { ProviderFetch } from './http.ts';
import type { ProviderMetadata } from './library.ts';

export interface CallWatch {
  /** Of the provider, or of the entry of `bearer`. */
  name: string;
  /** What is known of its endpoints; undefined before it was found. */
  metadata(): Partial<ProviderMetadata> | undefined;
  /** Where metadata are read by configuration. */
  metadataUrl?: string | undefined;
  /** What is asked at an address that nobody knows beforehand (`other`). */
  unknown?: ProviderEndpoint;
  emit: Emit;
  clock: Pick<Clock, 'monotonic'>;
}

/** Tells of each call how it ended, up to the head of its answer. */
export function watchCalls(
  fetch: ProviderFetch,
  { name, metadata, metadataUrl, unknown = 'other', emit, clock }: CallWatch,
): ProviderFetch {
  const read = addressReader(metadataUrl);
  return async (url, options) => {
    const begunAt = clock.monotonic();
    let status: number | undefined;
    let failure: string | undefined;
    try {
      const response = await fetch(url, options);
      status = response.status;
      return response;
    } catch (error) {
      failure = failureOf(error);
      throw error;
    } finally {
      const { known, address } = read(url, metadata());
      const call = { endpoint: known ?? unknown, method: options.method, address };
      const outcome = outcomeOf(status);
      const ms = clock.monotonic() - begunAt;
      emit({ kind: 'provider-called', provider: name, ...call, status, outcome, failure, ms });
    }
  };
}

/** What a call asks, and the address to show for it. */
interface Asked {
  known: ProviderEndpoint | undefined;
  address: string;
}

/** The few addresses of a provider are asked again and again. */
const mostAddresses = 50;

/** Reads addresses, and remembers those that have one of the few words while the metadata are the same. */
function addressReader(metadataUrl: string | undefined) {
  const discoveryAddress = metadataUrl === undefined ? undefined : addressOf(metadataUrl);
  let metadata: Partial<ProviderMetadata> | undefined;
  let read = new Map<string, Asked>();
  return (url: string, current: Partial<ProviderMetadata> | undefined): Asked => {
    if (current !== metadata) read = new Map();
    metadata = current;
    const remembered = read.get(url);
    if (remembered) return remembered;
    const known = addressOf(url) === discoveryAddress ? 'discovery' : endpointOf(url, current);
    const asked = { known, address: shownAddress(url, known) };
    if (known !== undefined && read.size < mostAddresses) read.set(url, asked);
    return asked;
  };
}

const shownAddress = (url: string, known: ProviderEndpoint | undefined): string =>
  known === undefined && URL.canParse(url) ? new URL(url).origin : addressOf(url);

/** The code of the connection that failed, or what else the error is called. */
function failureOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const { code, name } = (cause ?? error) as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : typeof name === 'string' ? name : 'failed';
}

function outcomeOf(status: number | undefined): 'ok' | 'refused' | 'failed' {
  if (status === undefined || status >= 500) return 'failed';
  return status < 400 ? 'ok' : 'refused';
}

/** The few words for what is asked; an address never is one. */
const words = [
  ['token_endpoint', 'token'],
  ['userinfo_endpoint', 'userinfo'],
  ['jwks_uri', 'keys'],
  ['introspection_endpoint', 'introspection'],
  ['revocation_endpoint', 'revocation'],
  ['pushed_authorization_request_endpoint', 'par'],
] as const satisfies readonly (readonly [string, ProviderEndpoint])[];

function endpointOf(
  url: string,
  metadata: Partial<ProviderMetadata> | undefined,
): ProviderEndpoint | undefined {
  const asked = addressOf(url);
  for (const place of metadata ? [metadata, metadata.mtls_endpoint_aliases ?? {}] : []) {
    for (const [key, word] of words) {
      const value = (place as Readonly<Record<string, unknown>>)[key];
      if (typeof value === 'string' && addressOf(value) === asked) return word;
    }
  }
  return asked.includes('/.well-known/') ? 'discovery' : undefined;
}

/** As the library writes it, without its query. */
const addressOf = (url: string) => (URL.canParse(url) ? new URL(url).href : url).replace(/[?#].*$/s, '');

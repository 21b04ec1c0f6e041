import type { Asked } from './people.ts';

export type ProviderEvent =
  /**
   * A call to a provider has ended. `endpoint` is one of a few words, `status` undefined where there was no answer;
   * `outcome` says `ok` for a status below 400, `refused` for one below 500, else `failed`. Only for sinks that want it.
   */
  | {
      kind: 'provider-called';
      provider: string;
      endpoint: ProviderEndpoint;
      method: string;
      /** Without its query; where nobody knew it beforehand, its origin: the rest may name a person. */
      address: string;
      status: number | undefined;
      outcome: 'ok' | 'refused' | 'failed';
      /** Of the connection, as one word; undefined for an answer. */
      failure: string | undefined;
      ms: number;
    }
  /** The metadata of a provider are known again after they were not to be had. */
  | { kind: 'provider-found'; provider: string; issuer: string | undefined }
  /** They could not be had. `isKnown`: those of before stay in use. */
  | {
      kind: 'provider-not-found';
      provider: string;
      issuer: string | undefined;
      error: unknown;
      retryMs: number;
      isKnown: boolean;
    }
  /** The configuration names what the metadata do not. */
  | { kind: 'provider-lacks'; provider: string; reason: string }
  /** One of several providers does not say in its answers who it is (RFC 9207). */
  | { kind: 'provider-unnamed'; provider: string }
  /** The gateway's own credentials are not good. `lookAt` are the keys of the configuration that they come from. */
  | {
      kind: 'client-rejected';
      provider: string;
      endpoint: string;
      /** Of the answer; undefined where there was none of HTTP. */
      status: number | undefined;
      error: unknown;
      lookAt: readonly string[];
    }
  /** The claims of before stay. */
  | { kind: 'claims-not-refreshed'; provider: string; error: unknown }
  /** A login or a refresh goes on without what userinfo, or the claim sources, would say. */
  | ({
      kind: 'claims-missing';
      provider: string;
      from: 'userinfo' | 'sources' | 'access token';
      error: unknown;
    } & Partial<Asked>)
  /** A rule or a header names a claim that the first person who signed in there does not have. */
  | ({ kind: 'claim-absent'; provider: string; claim: string } & Partial<Asked>)
  /** The clocks differ by more than what is forgiven; in seconds, above 0 where the gateway's is behind. */
  | ({ kind: 'clock-differs'; provider: string; seconds: number } & Partial<Asked>)
  /** A claim source leaves a claim out. */
  | ({ kind: 'claim-source-doubted'; provider: string; reason: string } & Partial<Asked>)
  /** The claim of groups looks like several of them in one text. */
  | ({ kind: 'groups-doubted'; provider: string; claim: string; advice: string } & Partial<Asked>)
  /** A provider signs people out by a channel, and its ID tokens do not say which sign-in they are of. */
  | ({ kind: 'provider-sends-no-sid'; provider: string } & Partial<Asked>)
  /** An upstream has an access token of its own. */
  | { kind: 'upstream-token-taken'; provider: string; way: string }
  /** It has none. `retryAfter`, in seconds, where the provider is out. */
  | { kind: 'upstream-token-failed'; provider: string; way: string; error: unknown; retryAfter?: number }
  /** The token of before is used to its end. */
  | { kind: 'upstream-token-not-renewed'; error: unknown };

/** What of a provider is asked. */
export type ProviderEndpoint =
  | 'discovery'
  | 'keys'
  | 'token'
  | 'userinfo'
  | 'introspection'
  | 'revocation'
  | 'par'
  | 'other';

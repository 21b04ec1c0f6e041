import type { Renewal } from '../outcome.ts';
import type { Revocation } from '../revocations.ts';
import type { Count, Listing, ListingChange, Posted, Unrepeatable } from './shared.ts';

/** The environment variable by which workers know whose they are. It must not look like a key of the configuration. */
export const gatewayNameVariable = '_SALLYPORT_GATEWAY';

/** What a worker asks of its primary. Every call gets one reply. */
export interface CallMessage {
  kind: 'call';
  call: number;
  request:
    | { kind: 'join' }
    | { kind: 'take'; key: string; unrepeatable?: Unrepeatable }
    | { kind: 'post'; key: string; posted: Posted; holder?: string; isAgain?: boolean }
    | { kind: 'release'; key: string; holder: string }
    /** A session and a `RefreshOutcome` go as texts: what carries messages makes other numbers of some (form/json.ts). */
    | { kind: 'grant'; session: string; renewal: Renewal; traceparent?: string | undefined }
    | { kind: 'claim'; name: string; forMs: number }
    /** Answered with `HeldByPrimary`. */
    | { kind: 'held' }
    /** Answered as `CountDesk` does. */
    | { kind: 'count'; counts: readonly Count[] }
    | { kind: 'get'; id: string }
    | { kind: 'set'; id: string; value: string; ttlSeconds: number }
    | { kind: 'replace'; id: string; was: string; value: string; ttlSeconds: number }
    | { kind: 'delete'; id: string }
    | { kind: 'put-listing'; listing: Listing; change: ListingChange }
    /** Answered as `Listings` does. */
    | { kind: 'listings'; under: readonly string[] }
    | { kind: 'listing'; name: string }
    | { kind: 'remove-listing'; listing: Omit<Listing, 'value' | 'ttlSeconds'> }
    | { kind: 'publish'; revocation: Revocation };
}

/** What the workers have done, for a place that takes the part of the primary. */
export interface HeldByPrimary {
  posted: [string, Posted][];
  claims: [string, number][];
}

export type PrimaryMessage =
  /** `failure`: why there is no value. */
  | { kind: 'reply'; call: number; value: unknown; failure?: string }
  /** A turn that this worker was told is taken has ended, with its value where something came of it. */
  | { kind: 'ended'; key: string; value?: string }
  | { kind: 'revoked'; revocation: Revocation }
  /** A worker ended while its refresh was under way: whoever gets this takes the turn in its place. */
  | { kind: 'finish'; session: string };

/** A worker, as the primary talks to it. */
export interface WorkerLink {
  send(message: PrimaryMessage): void;
}

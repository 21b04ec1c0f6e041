import type { RefreshOutcome, Renewal } from '../refresh.ts';
import type { Revocation } from '../revocations.ts';
import type { Session } from '../session.ts';
import type { Posted } from './shared.ts';

/** The environment variable by which workers know whose they are. It must not look like a key of the configuration. */
export const gatewayNameVariable = '_SALLYPORT_GATEWAY';

/** What a worker asks of its primary. Every call gets one reply. */
export interface CallMessage {
  kind: 'call';
  call: number;
  request:
    | { kind: 'join' }
    | { kind: 'take'; key: string; lost?: Lost }
    | { kind: 'grant'; session: Session; renewal: Renewal }
    | { kind: 'post'; key: string; posted: Posted }
    | { kind: 'settle'; key: string; posted: Posted }
    | { kind: 'release'; key: string }
    | { kind: 'claim'; name: string; forMs: number }
    | { kind: 'get'; id: string }
    | { kind: 'set'; id: string; value: string; ttlSeconds: number }
    | { kind: 'delete'; id: string }
    | { kind: 'publish'; revocation: Revocation };
}

/** What stands in place of an outcome that its worker took with it. */
export interface Lost {
  value: string;
  forMs: number;
}

/** Work is either done, with its value, or it is the asking worker's to do. */
export type Taken = { value: string } | { run: true; previous?: string | undefined };

export type PrimaryMessage =
  | { kind: 'reply'; call: number; value: unknown }
  | { kind: 'revoked'; revocation: Revocation }
  /** A worker ended while its refresh was under way: whoever gets this takes the turn in its place. */
  | { kind: 'finish'; session: Session };

/** The answer to a call of the kind `grant`. */
export type Granted = RefreshOutcome;

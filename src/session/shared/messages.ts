import type { Revocation } from '../revocations.ts';
import type { Posted } from './shared.ts';

/** What a worker asks of its primary. Every call gets one reply. */
export interface CallMessage {
  kind: 'call';
  call: number;
  request:
    | { kind: 'join' }
    | { kind: 'take'; key: string }
    | { kind: 'post'; key: string; posted: Posted }
    | { kind: 'settle'; key: string; posted: Posted }
    | { kind: 'release'; key: string }
    | { kind: 'claim'; name: string; forMs: number }
    | { kind: 'get'; id: string }
    | { kind: 'set'; id: string; value: string; ttlSeconds: number }
    | { kind: 'delete'; id: string }
    | { kind: 'publish'; revocation: Revocation };
}

/** Work is either done, with its value, or it is the asking worker's to do. */
export type Taken = { value: string } | { run: true; previous?: string | undefined };

export type PrimaryMessage =
  | { kind: 'reply'; call: number; value: unknown }
  | { kind: 'revoked'; revocation: Revocation };

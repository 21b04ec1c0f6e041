import type { Clock } from '../clock.ts';
import type { Targets } from './balance.ts';
import type { TurnEnds } from './end-of-turn.ts';
import type { Forwarding } from './forwarding.ts';
import type { Ending, LiveKind } from './live-connections.ts';
import type { RawHeaders } from './request-headers.ts';
import type { ResponseHeaderWriter } from './response-headers.ts';
import type { RetryPolicy } from './retry.ts';
import type { Sticky } from './sticky.ts';
import type { TurnLimits } from './target-turns.ts';
import type { Target } from './targets.ts';

/** What the requests of one route have in common on their way; compiled once. */
export interface RouteTransfer {
  clock: Clock;
  turnEnds: TurnEnds;
  targets: Targets;
  /** Undefined where any number of requests may be at a target. */
  turns: TurnLimits | undefined;
  retry: RetryPolicy;
  /** Undefined where every request goes its own way. */
  sticky: Sticky | undefined;
  /** The headers for one of the targets, whose name may stand in Host. */
  headersFor(forwarding: Forwarding, target: Target): RawHeaders;
  rewriteHeaders: ResponseHeaderWriter;
  /** Milliseconds until the answer's headers, and of silence in its body; 0 is without limit. */
  timeout: { response: number; idle: number };
  /** Bytes. */
  maxBody: number | undefined;
  /** Registers an answer that stays open, with what ends it; returns what takes it off. */
  stayOpen(forwarding: Forwarding, end: (ending: Ending) => void, kind: LiveKind): () => void;
}

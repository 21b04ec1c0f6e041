export type TargetEvent =
  /** A target sends answers that need repair before they can be read. */
  | { kind: 'target-repaired'; target: string; reason: string }
  /** A target is left out for a while, since it cannot be reached, or fails. Said once until it is back. */
  | { kind: 'target-out'; target: string; reason: string }
  /** One of these serves again. */
  | { kind: 'target-back'; target: string };

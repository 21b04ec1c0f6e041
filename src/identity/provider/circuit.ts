/** Keeps refreshes away from a provider that is out, so that it can come back. */
export interface Circuit {
  /** Seconds until the provider may be asked again; 0 means now, and the caller must report what came of it. */
  blockedFor(): number;
  succeeded(): void;
  /** @param retryAfter seconds that the provider asked for */
  failed(retryAfter: number | undefined): void;
}

const firstPauseSeconds = 0.5;
const longestPauseSeconds = 15;

/** After a failure one call at a time tries, with growing pauses; after a success all go. */
export function createCircuit(now: () => number = Date.now): Circuit {
  let failures = 0;
  let openUntil = 0;
  let probing = false;
  return {
    blockedFor() {
      if (failures === 0) return 0;
      const wait = (openUntil - now()) / 1000;
      if (wait > 0) return wait;
      if (probing) return firstPauseSeconds;
      probing = true;
      return 0;
    },
    succeeded() {
      failures = 0;
      probing = false;
    },
    failed(retryAfter) {
      failures += 1;
      probing = false;
      const pause = Math.min(longestPauseSeconds, firstPauseSeconds * 2 ** (failures - 1));
      const wanted = Math.min(longestPauseSeconds, Math.max(pause, retryAfter ?? 0));
      openUntil = now() + wanted * 1000 * (0.5 + Math.random() / 2);
    },
  };
}

/** Texts that were seen, up to a number; the oldest give way. */
export interface BoundedSet {
  /** Whether it is new. */
  add(text: string): boolean;
}

export function createBoundedSet(most: number): BoundedSet {
  const seen = new Set<string>();
  return {
    add(text) {
      if (seen.has(text)) return false;
      seen.add(text);
      for (const oldest of seen) {
        if (seen.size <= most) break;
        seen.delete(oldest);
      }
      return true;
    },
  };
}

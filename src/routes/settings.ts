/** How the upstreams of a host read paths, as far as the configuration says so: less doubt, fewer refusals. */
export interface PathSettings {
  /** They take letters in either case for the same, and so do routes. */
  ignoreCase: boolean;
  /** `strip`: they take `;` and what follows off each segment. */
  parameters: 'any' | 'strip';
  /** `separator`: `%2F` separates segments like `/`. */
  encodedSlash: 'any' | 'separator';
}

export const standardSettings: PathSettings = { ignoreCase: false, parameters: 'any', encodedSlash: 'any' };

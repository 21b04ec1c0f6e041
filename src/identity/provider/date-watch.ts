import type { Clock } from '../../clock.ts';
import type { ProviderFetch } from './http.ts';

/** As much is forgiven in tokens. */
const forgivenSeconds = 30;

/**
 * Compares the clock with the `Date` of answers (RFC 9110 §6.6.1). A call that took long tells less, so that its time is
 * forgiven too.
 */
export function watchDate(
  send: ProviderFetch,
  { now, monotonic }: Pick<Clock, 'now' | 'monotonic'>,
): { fetch: ProviderFetch; differences(): string[] } {
  let largest = 0;
  return {
    fetch: async (url, options) => {
      const begunAt = monotonic();
      const response = await send(url, options);
      const theirs = Date.parse(response.headers.get('date') ?? '') / 1000;
      const tookSeconds = (monotonic() - begunAt) / 1000;
      const difference = theirs - now() / 1000;
      const isOff = Math.abs(difference) > forgivenSeconds + tookSeconds;
      // A cache in between keeps the date of what it kept.
      if (isOff && !response.headers.has('age') && Math.abs(difference) > Math.abs(largest))
        largest = difference;
      return response;
    },
    differences() {
      if (largest === 0) return [];
      const [side, seconds] = [largest > 0 ? 'behind' : 'ahead of', Math.abs(Math.round(largest))];
      return [`the clock of this machine is ${seconds} seconds ${side} the provider's: tokens fail by it`];
    },
  };
}

/** The middle of some numbers; undefined for none. */
export function median(numbers) {
  const sorted = numbers.filter((number) => number !== undefined).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 || sorted.length === 0
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median and range of a figure over rounds. */
export function spread(numbers) {
  const known = numbers.filter((number) => number !== undefined);
  return known.length === 0
    ? undefined
    : { median: median(known), least: Math.min(...known), most: Math.max(...known) };
}

/**
 * A figure of one subject over that of another, round by round: what drifts in the machine drifts in both.
 * @param rounds maps from subject to figures, one for each round
 */
export function ratio(rounds, subject, other, figure) {
  return spread(
    rounds.map((round) => {
      const [above, below] = [round.get(subject)?.[figure], round.get(other)?.[figure]];
      return above === undefined || !below ? undefined : above / below;
    }),
  );
}

/** Quantiles of Student's distribution for an interval of 95 %, by degrees of freedom; normal beyond. */
const quantiles = { 3: 3.18, 4: 2.78, 5: 2.57, 9: 2.26, 14: 2.14, 19: 2.09, 24: 2.06, 29: 2.05, 39: 2.02 };

/** The geometric mean of ratios, and the interval that holds it in 95 of 100 cases. */
export function meanRatio(ratios) {
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const freedom = logs.length - 1;
  const known = Object.keys(quantiles)
    .map(Number)
    .filter((degrees) => degrees <= freedom);
  const quantile = freedom > 39 ? 1.96 : (quantiles[Math.max(...known)] ?? 4.3);
  const half = quantile * Math.sqrt(variance / logs.length);
  return { mean: Math.exp(mean), from: Math.exp(mean - half), to: Math.exp(mean + half) };
}

/**
 * The median of some numbers, and the interval between two of them that holds the median of all there could be in 95 of 100
 * cases, whatever their distribution; of fewer than six numbers, all of them are not sure enough, and `share` says how sure.
 */
export function medianWithin(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const count = sorted.length;
  /** How likely so few of them, or fewer, are below the median of all. */
  const atMost = (few) => {
    let [ways, sum] = [1, 0];
    for (let below = 0; below <= few; below++) {
      sum += ways / 2 ** count;
      ways = (ways * (count - below)) / (below + 1);
    }
    return sum;
  };
  let left = 0;
  while (left + 1 < count / 2 && 2 * atMost(left + 1) <= 0.05) left++;
  return {
    median: median(sorted),
    from: sorted[left],
    to: sorted[count - 1 - left],
    share: 1 - 2 * atMost(left),
  };
}

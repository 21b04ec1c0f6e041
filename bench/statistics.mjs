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

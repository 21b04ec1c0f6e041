/**
 * Compiles statuses as the configuration has them.
 * @param listed such as `503`, or `5xx` for all of a class
 */
export function compileStatuses(listed: readonly string[]): ReadonlySet<number> {
  return new Set(
    listed.flatMap((item) => {
      const first = Number(item.replace('xx', '00'));
      return Array.from({ length: item.endsWith('xx') ? 100 : 1 }, (_, at) => first + at);
    }),
  );
}

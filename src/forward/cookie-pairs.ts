/**
 * The one splitter of Cookie headers. Browsers put `; ` between pairs and trim SP and HTAB of names and values when
 * they take a cookie (RFC 6265bis §5.6), and nothing else: whoever splits or trims more can be told that a cookie
 * has a `__Host-` name which the browser never saw in it.
 */

/**
 * Calls for each pair of a header, in order, with its bounds.
 * @param take `equals` is the place of the first `=` of the pair, or its end where it has none
 */
export function eachPair(header: string, take: (start: number, equals: number, end: number) => void): void {
  // Looked for again only behind the last one found, so that a header without any is read once.
  let equals = header.indexOf('=');
  for (let start = 0; start < header.length; ) {
    const semicolon = header.indexOf(';', start);
    const end = semicolon < 0 ? header.length : semicolon;
    if (equals >= 0 && equals < start) equals = header.indexOf('=', start);
    take(start, equals < 0 || equals > end ? end : equals, end);
    start = end + 1;
  }
}

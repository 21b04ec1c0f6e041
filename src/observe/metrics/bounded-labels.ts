/** What clients choose freely, as one of few. */

/** The methods of RFC 9110 and RFC 5789 that applications have, and one for all others. */
export const boundedMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other'] as const;

const otherMethod = boundedMethods.length - 1;

/** The place of a method in the list. */
export function methodIndex(method: string): number {
  const found = boundedMethods.indexOf(method as 'GET');
  return found < 0 ? otherMethod : found;
}

/** The registered statuses (IANA), and nginx's for a client that left. */
const knownStatuses: ReadonlySet<number> = new Set([
  ...[100, 101, 102, 103],
  ...[200, 201, 202, 203, 204, 205, 206, 207, 208, 226],
  ...[300, 301, 302, 303, 304, 305, 307, 308],
  ...[400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417],
  ...[421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 499],
  ...[500, 501, 502, 503, 504, 505, 506, 507, 508, 511],
]);

/** A number for each text of `statusText`. */
export const statusKey = (status: number): number =>
  knownStatuses.has(status) ? status : Math.floor(status / 100);

/** The status; of one that an application has made up, its class. */
export const statusText = (status: number): string =>
  knownStatuses.has(status) ? String(status) : `${Math.floor(status / 100)}xx`;

/** W3C Trace Context: what programs tell each other of a trace. https://www.w3.org/TR/trace-context/ */

export interface RemoteContext {
  traceId: string;
  spanId: string;
  isSampled: boolean;
  tracestate: string | undefined;
}

/** §3.2.2; later versions may have more behind, version 00 has not. */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const nothing = /^0+$/;
/** §3.3.1.3: the characters that a list has to have room for; nobody has to pass on a longer one. */
const longestState = 512;
/** §3.3.1.3: keys and values, of a list of up to 32. */
const state = /^[ \t]*(?:[a-z0-9][\w\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,256})?[ \t]*$/;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What a request says of its trace; undefined where that is nothing, or not as it has to be. */
export function readContext({ traceparent, tracestate }: Headers): RemoteContext | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const parent = parseTraceparent(traceparent);
  return parent && { ...parent, tracestate: readState(tracestate) };
}

/** Several lines are joined by a comma by then, which no good one has. */
export function parseTraceparent(text: string): Omit<RemoteContext, 'tracestate'> | undefined {
  const [, version, traceId = '', spanId = '', flags = '', rest] = form.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (nothing.test(traceId) || nothing.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

function readState(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value.join(',') : value;
  if (text === undefined || text.length > longestState) return undefined;
  const members = text.split(',');
  return members.length <= 32 && members.every((member) => state.test(member)) && text.trim() !== ''
    ? text.trim()
    : undefined;
}

/** The value of `traceparent` (Trace Context §3.2.2), version 00. */
export const traceparentOf = (traceId: string, spanId: string, isSampled: boolean): string =>
  `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;

/** Puts a context in the place of what a list of headers has of it, in whatever case. */
export function putContext(headers: string[], traceparent: string, tracestate: string | undefined): void {
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    const name = headers[at] as string;
    // The lengths of the two names: nearly every header is told by its own.
    if (name.length !== 11 && name.length !== 10) continue;
    const lower = name.toLowerCase();
    if (lower === 'traceparent' || lower === 'tracestate') headers.splice(at, 2);
  }
  headers.push('traceparent', traceparent);
  if (tracestate !== undefined) headers.push('tracestate', tracestate);
}

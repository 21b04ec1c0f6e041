import { createBounded } from '../bounded.ts';
import { isCachingHeader } from './caching.ts';
import { hopByHopHeaders } from './hop-by-hop.ts';

/** How a header of an answer is treated. */
export type Treatment =
  | 'pass'
  | 'drop'
  | 'connection'
  | 'trailer'
  | 'length'
  | 'coding'
  | 'type'
  | 'caching'
  | 'cookie'
  | 'address';

/** What belongs to one connection goes, and what would pass for the gateway's own word. */
function treatmentOf(lower: string): Treatment {
  switch (lower) {
    case 'connection':
    case 'trailer':
      return lower;
    case 'content-length':
      return 'length';
    case 'transfer-encoding':
      return 'coding';
    case 'content-type':
      return 'type';
    case 'set-cookie':
      return 'cookie';
    case 'location':
    case 'content-location':
    case 'refresh':
    case 'link':
      return 'address';
    default:
      if (hopByHopHeaders.has(lower) || lower === 'x-sallyport-error') return 'drop';
      return isCachingHeader(lower) ? 'caching' : 'pass';
  }
}

/** What becomes of a header, by its name as it came. */
interface Known {
  treatment: Treatment;
  /** The route sets it, or takes it off. */
  isReplaced: boolean;
}

/** Applications invent names; remembering a bounded number of them keeps the common ones at one look-up each. */
const mostRememberedNames = 1000;

/** @param replaced names in lower case */
export function compileTreatments(replaced: ReadonlySet<string>): (name: string) => Known {
  const remembered = createBounded<string, Known>({ entries: mostRememberedNames, givesWay: 'newcomer' });
  return (name) => {
    let known = remembered.peek(name);
    if (!known) {
      const lower = name.toLowerCase();
      known = { treatment: treatmentOf(lower), isReplaced: replaced.has(lower) };
      remembered.set(name, known);
    }
    return known;
  };
}

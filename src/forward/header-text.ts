/**
 * Values as they stand in a header: visible ASCII, from which each value can be read back.
 */

/**
 * Lists are within lists so often at the most; deeper ones are structures. Each level encodes what the one below it
 * made, so that a claim of 100 KB would be 150 MB of text.
 */
const mostLevels = 4;

/** A claim as text: lists as their items with commas between, structures as JSON. */
export function plainText(value: unknown, level = 1): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && level <= mostLevels)
    return value.map((item) => itemText(item, level)).join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** An item of a list: a comma in it must not end it, and `%` not begin what its reader decodes. */
function itemText(item: unknown, level: number): string {
  return plainText(item, level + 1).replace(/[%,]/g, encodeURIComponent);
}

/** JSON in ASCII: other characters as `\u` escapes, which JSON readers undo. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A token is sent as it came; what no token holds (RFC 6750 §2.1) must still not end a header. */
export function tokenText(value: unknown): string | undefined {
  const text = plainText(value);
  return text === '' ? undefined : encodeOutside(text);
}

/**
 * A value without filter. Readers take white space off the ends of a header and disagree on what is outside visible
 * ASCII, so that one name could become another's; both are percent-encoded as UTF-8. A `%` that would then be read as
 * the beginning of an escape is encoded too: decoding gives each value back, and no two have the same text.
 */
export function headerText(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const list = value.map((item) => encodeEnds(encodeOutside(itemText(item, 1)))).join(',');
    return list === '' ? undefined : list;
  }
  const text = plainText(value);
  if (text === '') return undefined;
  const isPlain = !outsideHeader.test(text) && !/^ | $/.test(text);
  if (isPlain) return text.replace(/%(?=[0-9A-Fa-f]{2})/g, '%25');
  return encodeEnds(encodeOutside(text.replaceAll('%', '%25')));
}

const outsideHeader = /[^\x20-\x7e]/;
const outsideHeaders = /[^\x20-\x7e]+/gu;

const encodeOutside = (text: string) => text.toWellFormed().replace(outsideHeaders, encodeURIComponent);

const encodeEnds = (text: string) => text.replace(/^ +|(?<! ) +$/g, encodeURIComponent);

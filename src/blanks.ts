/** SP and HTAB (OWS, RFC 9110 §5.6.3), and nothing else that a language calls white space. */
const isBlank = (code: number) => code === 0x20 || code === 0x09;

/** A text, or a part of it, less SP and HTAB at its ends. It reads each letter once, however many blanks there are. */
export function trimmed(text: string, start = 0, end: number = text.length): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (from < to && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

/** Where a part of a text begins behind SP and HTAB. */
export function afterBlanks(text: string, start: number): number {
  let from = start;
  while (isBlank(text.charCodeAt(from))) from++;
  return from;
}

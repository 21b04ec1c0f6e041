/**
 * What a terminal or a viewer of logs acts upon instead of showing it: control characters (C0 but for the line break,
 * DEL, C1), line and paragraph separators, and invisible format characters, by which text runs backwards
 * (Unicode UAX #9) or hides. JSON escapes the first few of them only.
 */
const acting = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** Most lines are ASCII throughout, which is told sooner. */
const suspicious = /[^\n\x20-\x7e]/;

/** A text with such characters as the escapes of JSON, so that a line of JSON still says the same. */
export function escapeControls(text: string): string {
  return suspicious.test(text) ? text.replace(acting, (one) => (one === '\n' ? one : escaped(one))) : text;
}

/** The same for a text in which a line break would begin another line. */
export function escapeLine(text: string): string {
  return text.replace(acting, escaped);
}

/** What the formatter itself writes: any other ESC was escaped in messages and by the JSON of fields. */
const colour = new RegExp(`(${String.fromCharCode(0x1b)}\\[[\\d;]*m)`);

/** The same for a line, with its end, that was coloured for a terminal. */
export function escapeColouredLine(line: string): string {
  const text = line.endsWith('\n') ? line.slice(0, -1) : line;
  const pieces = text.split(colour);
  const clean = pieces.map((piece, at) => (at % 2 === 1 ? piece : escapeLine(piece)));
  return clean.join('') + line.slice(text.length);
}

function escaped(character: string): string {
  let text = '';
  for (let at = 0; at < character.length; at++)
    text += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  return text;
}

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

/** What the formatter itself writes: in fields JSON has escaped any other ESC, and messages are sentences of ours. */
const colour = new RegExp(`(${String.fromCharCode(0x1b)}\\[[\\d;]*m)`);

/** The same for a line that was coloured for a terminal; a line break in the middle of it would begin another. */
export function escapeColouredLine(line: string): string {
  const text = line.endsWith('\n') ? line.slice(0, -1) : line;
  const pieces = text.split(colour);
  const clean = pieces.map((piece, at) => (at % 2 === 1 ? piece : piece.replace(acting, escaped)));
  return clean.join('') + line.slice(text.length);
}

function escaped(character: string): string {
  let text = '';
  for (let at = 0; at < character.length; at++)
    text += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  return text;
}

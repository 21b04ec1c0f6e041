import { escapeControls } from '../control-characters.ts';

const odd = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

/** Whether a text stands in JSON as it is: nearly each one does, which is cheaper to see than to escape. */
export const isPlain = (text: string): boolean => !odd.test(text);

/** A text as JSON, of which no terminal acts upon anything. */
export function quoted(text: string): string {
  return isPlain(text) ? `"${text}"` : escapeControls(JSON.stringify(text));
}

/** A text of at most so many characters, not cut within one that takes two code units. */
export function cutText(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1).toWellFormed()}…`;
}

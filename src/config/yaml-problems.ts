import type { ErrorCode, YAMLError } from 'yaml';

/** What to do about what the parser says; it says itself what is wrong. */
const advice: Partial<Record<ErrorCode, string | ((message: string) => string)>> = {
  TAB_AS_INDENT: 'Use blanks.',
  BAD_SCALAR_START: 'Put the value in quotes.',
  BAD_DQ_ESCAPE: 'Between double quotes, a backslash is written twice; between single quotes, once.',
  BAD_INDENT: (message) =>
    message.startsWith('Flow')
      ? 'Close what this line, or one before it, opens with [ or {.'
      : 'Give this line as many blanks at its beginning as the keys have that it belongs to.',
  BLOCK_AS_IMPLICIT_KEY:
    'Put a value in quotes that has a colon and a blank in it. Or does this line, or the next one, have too many blanks at its beginning?',
  DUPLICATE_KEY: 'Keep one of them.',
  MISSING_CHAR: (message) =>
    message.startsWith('Missing closing')
      ? 'A value that is opened by a quote has to end with one.'
      : 'Put a colon and a blank behind the key.',
  UNEXPECTED_TOKEN: (message) =>
    message.includes('block-seq-ind')
      ? 'Begin a list on a line of its own.'
      : 'Put a value in quotes that has one of { } [ ] , & * # ? | > % @ in it.',
};

const shorter: Partial<Record<ErrorCode, string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'A second key begins on this line',
  MULTILINE_IMPLICIT_KEY: 'The colon behind a key is missing, or the blank behind that',
  MULTIPLE_DOCS: 'A second document begins here, behind ---. Keep one of them',
};

/**
 * What is wrong, and what to do. Behind its colon, a message of the parser repeats what it stumbled over: that may be a
 * secret without quotes.
 */
export function yamlProblem({ code, message }: Pick<YAMLError, 'code' | 'message'>): string {
  const what = shorter[code] ?? message.replace(/\s+/g, ' ').replace(/: .*$/, '');
  const todo = advice[code];
  const words = typeof todo === 'function' ? todo(message) : todo;
  return `this is not valid YAML: ${what}.${words === undefined ? '' : ` ${words}`}`;
}

export const noValueOfAlias =
  'this is not valid YAML: a value that begins with * stands for an anchor (&) before it, and there is none. Put the value in quotes.';

export const manyAliases =
  'the aliases of YAML (*) in this file unfold to too much. Write out what is meant.';

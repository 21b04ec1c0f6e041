/**
 * Control characters, separators of lines, and characters that are not seen, such as those that turn the direction of a
 * text; the two joiners are a part of names (Unicode UAX #31).
 */
const unshown = /[\p{Cc}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/u;
/** Characters: a longer text is not a name, and would fill the cookie. */
const longestName = 200;
const longestText = 4096;

/**
 * The name that a provider posts beside the code, at somebody's first login and never again: Apple does, in the parameter
 * `user`. Nobody signed it, and the browser could have written it: it is a name to show, and tells nobody apart.
 * @param path the claim that it becomes
 * @see https://developer.apple.com/documentation/signinwithapple/configuring-your-webpage-for-sign-in-with-apple
 */
export function postedName(parameters: URLSearchParams, path: string): Record<string, string> | undefined {
  const text = parameters.get('user');
  if (text === null || text.length > longestText) return undefined;
  const name = nameIn(text);
  return name === undefined ? undefined : { [path]: name };
}

function nameIn(text: string): string | undefined {
  const { name } = asMap(parse(text));
  const { firstName, lastName } = asMap(name);
  const parts = [firstName, lastName].filter((part): part is string => typeof part === 'string');
  const whole = parts
    .map((part) => part.normalize('NFC').trim())
    .filter((part) => part !== '')
    .join(' ');
  const isName = whole !== '' && whole.length <= longestName && !unshown.test(whole) && whole.isWellFormed();
  return isName ? whole : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const asMap = (value: unknown): Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};

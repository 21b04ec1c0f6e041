import { z } from 'zod';

/** Another way to write a value: what it looks like, as JSON Schema, and what it stands for; undefined for anything else. */
export interface Spelling {
  form: Readonly<Record<string, unknown>>;
  means(value: unknown): unknown;
}

/**
 * A value that may be written in other ways. Whatever the program takes beside what the schema takes is said here, so that
 * the JSON Schema has it too: see `publishedJsonSchema`.
 */
export function spelled<T extends z.ZodType>(spellings: readonly Spelling[], schema: T) {
  const read = (value: unknown): unknown => {
    for (const { means } of spellings) {
      const meaning = means(value);
      if (meaning !== undefined) return meaning;
    }
    return value;
  };
  return z.preprocess(read, schema).meta({ spellings: spellings.map(({ form }) => form) });
}

/** One value that stands for another. */
export const word = (value: string | number | boolean, meaning: unknown): Spelling => ({
  form: { const: value },
  means: (given) => (given === value ? meaning : undefined),
});

/** YAML 1.1 habits: `off` is written bare, and some emitters turn it into false. */
export const bareOff = word(false, 'off');

/** Values from the environment arrive as text. */
export const flagWords: readonly Spelling[] = [word('true', true), word('false', false)];

/** A number as text. @param pattern the whole of it */
export const numberAsText = (pattern: RegExp): Spelling => ({
  form: { type: 'string', pattern: pattern.source },
  means: (given) => (typeof given === 'string' && pattern.test(given) ? Number(given) : undefined),
});

/** A text that YAML takes for a number. */
export const numberForText = (least: number, most: number): Spelling => ({
  form: { type: 'integer', minimum: least, maximum: most },
  means: (given) => (typeof given === 'number' ? String(given) : undefined),
});

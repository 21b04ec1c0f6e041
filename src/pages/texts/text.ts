import type { en } from './en.ts';

export type TextKey = keyof typeof en;

/** The names in braces of a text. */
type Placeholder<T> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholder<Rest> : never;

type PlaceholderOf<K extends TextKey> = Placeholder<(typeof en)[K]>;

declare const checked: unique symbol;

/**
 * Something that people read, before it is known in which language: the key of a text and the values of its
 * placeholders. Only `text` makes one, so that a sentence that stands anywhere else does not compile.
 */
export interface Text {
  readonly key: TextKey;
  readonly values: Readonly<Record<string, string | number>>;
  readonly [checked]: true;
}

/** The texts of one language, whole: what it lacks is English. */
export interface Texts {
  /** The tag of the language (BCP 47). */
  readonly language: string;
  readonly byKey: Readonly<Record<TextKey, string>>;
}

/** What another language has of the texts. */
export type Translation = { readonly [K in TextKey]?: string };

/** Keys and placeholders of English, and no others. */
type Fitting<T> = {
  readonly [K in keyof T]: K extends TextKey
    ? [Placeholder<T[K]>] extends [PlaceholderOf<K>]
      ? string
      : never
    : never;
};

/** The texts of another language; what it lacks stays English. */
export function translation<const T extends Translation>(texts: T & Fitting<T>): Translation {
  return texts;
}

/** @param values what stands for the placeholders of the text, all of them and no others */
export function text<K extends TextKey>(
  key: K,
  ...[values]: [PlaceholderOf<K>] extends [never] ? [] : [values: Record<PlaceholderOf<K>, string | number>]
): Text {
  return { key, values: values ?? {} } as unknown as Text;
}

/** A text in words. They are plain: who puts them into HTML escapes them, the values with them. */
export function say({ byKey }: Texts, { key, values }: Text): string {
  return byKey[key].replace(/\{(\w+)\}/g, (placeholder, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : placeholder,
  );
}

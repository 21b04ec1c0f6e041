import { en } from './en.ts';
import type { Texts, Translation } from './text.ts';

/** Each language by its tag (BCP 47). Another one is a file beside this one, and its name here. */
export const languages = { en } satisfies Readonly<Record<string, Translation>>;

export type Language = keyof typeof languages;

export function textsIn(language: Language): Texts {
  return { language, byKey: { ...en, ...languages[language] } };
}

export const english = textsIn('en');

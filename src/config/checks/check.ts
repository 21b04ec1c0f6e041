import type { ConfigPath } from '../problems.ts';

/** What a check found: where, and a sentence that says what is wrong and what to do. */
export interface Finding {
  path: ConfigPath;
  message: string;
}

/** One thing of the configuration that checks look at, and where it stands. */
export interface Subject {
  at: ConfigPath;
}

/** One thing that no single key can tell: keys that need, exclude or contradict each other. */
export interface Row<S> {
  /** The key below the subject that the sentence is about; unset, the subject itself. */
  key?: string | readonly string[];
  when: (subject: S) => boolean;
  says: string | ((subject: S) => string);
}

/** Checks of things that stand below another one, such as the routes of a configuration. */
interface Below<S> {
  run: (subject: S) => Finding[];
}

export type Check<S> = Row<S> | Below<S>;

/** Makes the checks for each of the things that `parts` finds below a subject. */
export function each<S, Part extends Subject>(
  parts: (subject: S) => readonly Part[],
  checks: readonly Check<Part>[],
): Check<S> {
  return { run: (subject) => parts(subject).flatMap((part) => run(checks, part)) };
}

/** Makes every check; what they find comes in their order. */
export function run<S extends Subject>(checks: readonly Check<S>[], subject: S): Finding[] {
  return checks.flatMap((check) => {
    if ('run' in check) return check.run(subject);
    const { key = [], when, says } = check;
    if (!when(subject)) return [];
    const message = typeof says === 'string' ? says : says(subject);
    return [{ path: subject.at.concat(key), message }];
  });
}

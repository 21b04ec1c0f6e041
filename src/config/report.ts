import type { Finding } from './checks/check.ts';
import type { SourceOf } from './locate.ts';
import type { MergedDocument } from './merge.ts';
import type { Problem } from './problems.ts';
import { isTemplatePath } from './secrets.ts';

/** What a value is wrong for, or its key. */
export interface Wrong extends Finding {
  aboutKey: boolean;
}

/** What is wrong would quote the value. */
const hiddenProblem =
  'expected a template; what ${…} put into it is not one, and is not shown. Write {{ and }} for braces.';

/** Everything that is wrong, with the place that it comes from, in the order of the file; no secret is quoted. */
export function problemsOf(
  wrong: readonly Wrong[],
  { problems, failures, filled }: Pick<MergedDocument, 'problems' | 'failures' | 'filled'>,
  sourceOf: SourceOf,
): Problem[] {
  const hidden = new Set(filled.flatMap(({ path }) => (isTemplatePath(path) ? [path.join('.')] : [])));
  const ofFiles = filled.flatMap(({ path, isOfFile }) => (isOfFile ? [`${path.join('.')}.`] : []));
  const isOfFile = (path: readonly (string | number)[]) =>
    ofFiles.some((start) => `${path.join('.')}.`.startsWith(start));
  const unresolved = new Set(failures.map(({ path }) => path.join('.')));
  return inFileOrder([
    ...problems,
    ...failures.map(({ path, message }) => ({ path, source: sourceOf(path), message })),
    ...wrong
      // A value that could not be filled in is wrong for that reason alone.
      .filter(({ path }) => !unresolved.has(path.join('.')))
      .map(({ path, message, aboutKey }) => ({
        path,
        source: sourceOf(path, aboutKey),
        message: hidden.has(path.join('.'))
          ? hiddenProblem
          : isOfFile(path)
            ? withoutValue(message)
            : message,
      })),
  ]);
}

/** What a file holds may be a secret that is named in the wrong place. */
const withoutValue = (message: string) =>
  message.replace(/, got .*$/s, '; what the file put into it is not shown.');

function inFileOrder(problems: readonly Problem[]): Problem[] {
  const line = ({ source }: Problem) => Number(/:(\d+):\d+$/.exec(source)?.[1] ?? 0);
  const unique = new Map(
    problems.map((problem) => [`${problem.path.join('.')} ${problem.message}`, problem]),
  );
  return [...unique.values()].sort((a, b) => line(a) - line(b));
}

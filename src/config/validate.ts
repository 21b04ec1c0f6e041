import { findInconsistencies } from './checks/index.ts';
import { isMap } from './document.ts';
import { explainIssue } from './explain-issue.ts';
import type { JsonSchema } from './json-schema.ts';
import type { ReadConfig } from './normalise.ts';
import type { Wrong } from './report.ts';
import { salvage } from './salvage.ts';
import { configSchema } from './schema/index.ts';

const emptyFile: Wrong = {
  path: [],
  message: 'the file is empty. It needs the keys that are named below.',
  aboutKey: false,
};

/**
 * Reads a document with the schema, and says all that is wrong with it: of single keys, and of keys together.
 * @param isEmpty the file has nothing, so that only the environment can say anything
 */
export function validate(
  document: unknown,
  schema: JsonSchema,
  isEmpty = false,
): { read: ReadConfig | undefined; wrong: Wrong[] } {
  const { data, error } = configSchema.safeParse(document);
  const issues = error?.issues ?? [];
  // What is no map has no keys that could be missing.
  const isNoMap = issues.filter(({ path }) => path.length === 0 && !isMap(document));
  if (isNoMap.length > 0) {
    const wrong = isNoMap.flatMap((issue) => explainIssue(issue, schema, document));
    return { read: undefined, wrong };
  }
  const known = data ?? salvage(configSchema, document) ?? {};
  const wrong = [
    ...issues.flatMap((issue) => explainIssue(issue, schema, document)),
    ...findInconsistencies(document, known, issues).map((found) => ({ ...found, aboutKey: false })),
  ];
  return { read: data, wrong: isEmpty && wrong.length > 0 ? [emptyFile, ...wrong] : wrong };
}

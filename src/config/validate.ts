import { findInconsistencies } from './checks/index.ts';
import { explainIssue } from './explain-issue.ts';
import type { JsonSchema } from './json-schema.ts';
import type { ReadConfig } from './normalise.ts';
import type { Wrong } from './report.ts';
import { salvage } from './salvage.ts';
import { configSchema } from './schema/index.ts';

/** Reads a document with the schema, and says all that is wrong with it: of single keys, and of keys together. */
export function validate(
  document: unknown,
  schema: JsonSchema,
): { read: ReadConfig | undefined; wrong: Wrong[] } {
  const { data, error } = configSchema.safeParse(document);
  const issues = error?.issues ?? [];
  const known = data ?? salvage(configSchema, document) ?? {};
  return {
    read: data,
    wrong: [
      ...issues.flatMap((issue) => explainIssue(issue, schema, document)),
      ...findInconsistencies(document, known, issues).map((found) => ({ ...found, aboutKey: false })),
    ],
  };
}

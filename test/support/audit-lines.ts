import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { AuditLine } from '../../src/observe/audit-schema.ts';

const schemaFile = fileURLToPath(new URL('../../../config/sallyport-audit.schema.json', import.meta.url));
const published = z.fromJSONSchema(JSON.parse(readFileSync(schemaFile, 'utf8')));

/** Lines of the audit; throws where one is not as the published schema says. Lines of the log are passed over. */
export function auditLines(text: string): AuditLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('{"level"'))
    .map((line) => published.parse(JSON.parse(line)) as AuditLine);
}

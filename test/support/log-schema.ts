import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastify from 'fastify';
import { projectRoot } from '../docs/documents.ts';

const text = readFileSync(join(projectRoot, 'config/sallyport-log.schema.json'), 'utf8');
const { $schema: _draft, ...schema } = JSON.parse(text) as Record<string, unknown>;

// The validator of Fastify is Ajv, which is a dependency of it. Nothing of a line is changed to fit.
const app = fastify({
  ajv: {
    customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: false },
  },
});
app.post('/', { schema: { body: {} } }, async () => '');
await app.ready();
const validate = app.validatorCompiler?.({ schema, method: 'POST', url: '/', httpPart: 'body' });

/** What is wrong with a line of the log, by its documented schema; undefined for nothing. */
export function wrongOf(line: unknown): string | undefined {
  if (!validate) throw new Error('there is no validator');
  const result = validate(line) as unknown;
  if (result === true) return undefined;
  const { errors } = validate as { errors?: unknown };
  return JSON.stringify(errors ?? result);
}

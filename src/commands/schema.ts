import { publishedJsonSchema } from '../config/published-schema.ts';

/** `sallyport schema`: the JSON Schema of the configuration file. */
export function schema(): string {
  return JSON.stringify(publishedJsonSchema(), null, 2);
}

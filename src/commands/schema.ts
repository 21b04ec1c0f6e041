import { configJsonSchema } from '../config/json-schema.ts';

/** `sallyport schema`: the JSON Schema of the configuration file. */
export function schema(): string {
  return JSON.stringify(configJsonSchema(), null, 2);
}

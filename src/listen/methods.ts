import { METHODS } from 'node:http';

/** RFC 9110 §9.3.6 and §9.3.8: a gateway in front of applications has no use for these. */
const refusedMethods: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);

/** Every method that Node can read, less the ones that are refused. */
export const proxiedMethods: readonly string[] = METHODS.filter((method) => !refusedMethods.has(method));

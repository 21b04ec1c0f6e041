import type { AdminEndpoint, Call } from './endpoints.ts';
import type { Problem } from './problem.ts';

/** What a request asks for. */
export interface Found {
  endpoint: AdminEndpoint;
  call: Pick<Call, 'query' | 'id'>;
}

/** An id of a session, as it is shown: nothing of it has to be encoded. */
const idPattern = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Finds what a request asks for, by its bytes: a path that is spelt in any other way is none.
 * @param target as it stands in the request line
 */
export function findEndpoint(
  endpoints: readonly AdminEndpoint[],
  method: string,
  target: string,
): Found | Problem {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const text = mark < 0 ? '' : target.slice(mark + 1);
  const query = new URLSearchParams(text);
  const here = endpoints.flatMap((endpoint) => {
    const id = idIn(path, endpoint.path);
    return id === undefined ? [] : [{ endpoint, call: { query, id } }];
  });
  if (here.length === 0) return notFound;
  const found = here.find(({ endpoint }) => methodsOf(endpoint).includes(method));
  if (!found) return notAllowed(here.flatMap(({ endpoint }) => methodsOf(endpoint)));
  const known = found.endpoint.parameters ?? [];
  const foreign = [...query.keys()].filter((name) => !known.includes(name));
  // Programs that ask for the health may add something against caches.
  if (foreign.length > 0 && found.endpoint.audience === 'operator') return unknownParameter(known);
  if (!isClear(text) && found.endpoint.audience === 'operator') return unclearQuery;
  return found;
}

/**
 * In a form a `+` is a space, and who writes `ada+mail@example.com` by hand means a plus: to end the sessions of nobody
 * must not look like having ended theirs. Nor is a name guessed from broken escapes.
 */
function isClear(query: string): boolean {
  if (query.includes('+')) return false;
  try {
    decodeURIComponent(query);
    return true;
  } catch {
    return false;
  }
}

/** What stands at `{id}`, empty where there is no such place; undefined where the path is another one. */
function idIn(path: string, pattern: string): string | undefined {
  if (!pattern.endsWith('/{id}')) return path === pattern ? '' : undefined;
  const start = pattern.slice(0, -'{id}'.length);
  const id = path.slice(start.length);
  return path.startsWith(start) && idPattern.test(id) ? id : undefined;
}

const methodsOf = ({ method }: AdminEndpoint): string[] => (method === 'GET' ? ['GET', 'HEAD'] : [method]);

const unclearQuery: Problem = {
  status: 400,
  code: 'malformed_request',
  detail: 'the query is percent-encoded UTF-8, with %2B for a plus and %20 for a space',
};

const notFound: Problem = {
  status: 404,
  code: 'not_found',
  detail: 'there is nothing here; health is at /healthz and /readyz',
};

const notAllowed = (methods: readonly string[]): Problem => ({
  status: 405,
  code: 'method_not_allowed',
  detail: `this takes ${methods.join(', ')}`,
  headers: { allow: methods.join(', ') },
});

const unknownParameter = (known: readonly string[]): Problem => ({
  status: 400,
  code: 'malformed_request',
  detail: known.length === 0 ? 'this takes no parameters' : `the parameters of this are: ${known.join(', ')}`,
});

import type { IncomingHttpHeaders } from 'node:http';

/** Who the gateway says is there. */
export interface Visitor {
  user: string | undefined;
  name: string | undefined;
  email: string | undefined;
  username: string | undefined;
  groups: readonly string[];
}

/** Reads from headers who is there, as an application does behind any proxy of this kind. */
export function visitorOf(headers: IncomingHttpHeaders): Visitor {
  const read = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? decoded(value) : undefined;
  };
  return {
    user: read('x-forwarded-user'),
    name: read('x-forwarded-name'),
    email: read('x-forwarded-email'),
    username: read('x-forwarded-preferred-username'),
    groups: read('x-forwarded-groups')?.split(',') ?? [],
  };
}

/** What to call somebody; undefined when nobody is signed in. */
export function nameOf({ name, username, user }: Visitor): string | undefined {
  return name ?? username ?? user;
}

/** Values outside ASCII come percent-encoded; a lone percent sign stands for itself. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

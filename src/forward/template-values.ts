/** The values that header templates may name, for one request. */
export interface TemplateContext {
  requestId: string;
  /** The person, when there is one. */
  person: TemplatePerson | undefined;
  /** The address of the client; undefined where the front does not say it. */
  clientAddress?: string | undefined;
  /** The access token that was got for the upstream, where its route asks for one. */
  token?: string | undefined;
}

export interface TemplatePerson {
  /** Undefined for one that is bound to a key of the gateway: nobody else can use it. */
  accessToken: string | undefined;
  idToken: string | undefined;
  /** Undefined for a client that brings a token of its own. */
  sessionId: string | undefined;
  /** The name of the provider that says who it is, where that is configured. */
  provider: string | undefined;
  user: string;
  email: string | undefined;
  name: string | undefined;
  groups: readonly string[];
  /** Claims by their dotted path. */
  claims: Readonly<Record<string, unknown>>;
}

/** The claims of which each provider says where it has them, in its own `claims`. */
type ClaimRole = 'user' | 'email' | 'name' | 'groups';

/** What has to be kept of a session, or of an access token, for a value. */
export interface ValueNeeds {
  /** Dotted paths of claims. */
  paths?: readonly string[];
  roles?: readonly ClaimRole[];
  idToken?: true;
}

export interface ValueRow {
  /** What stands in braces: `{user}`. */
  name: string;
  /** It is one of many, `{claims.<path>}`, and `read` and `needs` get the path. */
  takesPath?: true;
  /**
   * What it is the same for: a `person`, on all of their requests, so that it is remembered with them; a `sender`,
   * whom it tells of, though it may change from request to request; or a `request`, whoever sent it.
   */
  of: 'person' | 'sender' | 'request';
  /** Undefined or null where it is absent; then the whole header is. */
  read(context: TemplateContext, path: string): unknown;
  needs?(path: string): ValueNeeds;
  /** It is sent as it came, and never to a browser. */
  isToken?: true;
  /** What it is, for docs/headers.md. */
  meaning: string;
}

/**
 * Every value that header templates may name, one a row. The parser, the compiler, what is remembered with a person,
 * whose an answer is to a cache, the claims that are kept, and docs/headers.md have them from here.
 */
export const templateValues = [
  {
    name: 'access_token',
    of: 'person',
    read: ({ person }) => person?.accessToken,
    isToken: true,
    meaning:
      'the access token, of a [program](bearer.md) the one that it brought; absent with [`dpop`](providers.md#the-authorization-request)',
  },
  {
    name: 'id_token',
    of: 'person',
    read: ({ person }) => person?.idToken,
    needs: () => ({ idToken: true }),
    isToken: true,
    meaning: 'the ID token; sessions are larger when a template names it',
  },
  {
    name: 'token',
    of: 'sender',
    read: ({ token }) => token,
    isToken: true,
    meaning: 'the token that the route’s [`token`](upstream-tokens.md) got for the application',
  },
  {
    name: 'user',
    of: 'person',
    read: ({ person }) => person?.user,
    needs: () => ({ roles: ['user'] }),
    meaning: 'who it is, by `claims.user` of the provider that they signed in with',
  },
  {
    name: 'email',
    of: 'person',
    read: ({ person }) => person?.email,
    needs: () => ({ roles: ['email'] }),
    meaning: 'the email address, by `claims.email`',
  },
  {
    name: 'name',
    of: 'person',
    read: ({ person }) => person?.name,
    needs: () => ({ roles: ['name'] }),
    meaning: 'the name for people to read, by `claims.name`',
  },
  {
    name: 'groups',
    of: 'person',
    read: ({ person }) => person?.groups,
    needs: () => ({ roles: ['groups'] }),
    meaning: 'the groups, by `claims.groups`',
  },
  {
    name: 'session.id',
    of: 'person',
    read: ({ person }) => person?.sessionId,
    meaning: 'random, new at each login',
  },
  {
    name: 'provider',
    of: 'person',
    read: ({ person }) => person?.provider,
    meaning: 'the name of the provider; of a single one `default`',
  },
  {
    name: 'request.id',
    of: 'request',
    read: ({ requestId }) => requestId,
    meaning: 'the value of `X-Request-Id`',
  },
  {
    name: 'client.address',
    of: 'sender',
    read: ({ clientAddress }) => clientAddress,
    meaning:
      'the address of the client, behind [fronts](deployment.md#behind-a-proxy) the one that they report; absent where they do not',
  },
  {
    name: 'claims',
    takesPath: true,
    of: 'person',
    read: ({ person }, path) => person?.claims[path],
    needs: (path) => ({ paths: [path] }),
    meaning: 'a claim of the ID token, or of the userinfo endpoint',
  },
] as const satisfies readonly ValueRow[];

export type ValueName = (typeof templateValues)[number]['name'];

const rows: readonly ValueRow[] = templateValues;
const byName: ReadonlyMap<string, ValueRow> = new Map(rows.map((row) => [row.name, row]));

export function valueNamed(name: ValueName): ValueRow {
  const row = byName.get(name);
  if (row === undefined) throw new Error(`no value of header templates has the name ${name}`);
  return row;
}

/** As it stands in a template, such as `{user}` and `{claims.<name>}`. */
export const written = ({ name, takesPath }: ValueRow, path = '<name>'): string =>
  takesPath ? `{${name}.${path}}` : `{${name}}`;

/** The value of a placeholder; undefined where there is none. */
export function findValue(text: string): { kind: ValueName; path?: string } | undefined {
  for (const { name, takesPath } of templateValues as readonly (ValueRow & { name: ValueName })[]) {
    if (!takesPath) {
      if (text === name) return { kind: name };
      continue;
    }
    const path = text.startsWith(`${name}.`) ? text.slice(name.length + 1) : '';
    if (/^[^\s{}|]+$/.test(path)) return { kind: name, path };
  }
  return undefined;
}

/** The names of what must never go to a browser. */
export const tokenNames: readonly string[] = rows.filter(({ isToken }) => isToken).map(({ name }) => name);

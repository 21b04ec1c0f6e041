import { type Check, each, type Subject } from './check.ts';
import { origins, routes, type Whole } from './subjects.ts';

interface StickyCookie extends Subject {
  name: string;
  /** The targets that it is for, as one text. */
  targets: string;
  whole: Whole;
  /** What has the same name for other targets, and stands before it. */
  twin: string | undefined;
}

function stickyCookies(whole: Whole): StickyCookie[] {
  const seen = new Map<string, { targets: string; index: number }>();
  return routes(whole).flatMap(({ at, index, value: { upstream } }) => {
    const name = upstream?.sticky?.cookie;
    if (name === undefined) return [];
    const targets = (upstream?.targets ?? []).map((each) => each?.url).join(' ');
    const key = name.toLowerCase();
    const before = seen.get(key);
    if (!before) seen.set(key, { targets, index });
    const twin = before && before.targets !== targets ? `routes[${before.index}]` : undefined;
    return [{ at: [...at, 'upstream', 'sticky', 'cookie'], name, targets, whole, twin }];
  });
}

/** Whether a name is, or might become, one of those of the session and of logins. */
function isOfSession({ name, whole }: StickyCookie): boolean {
  const own = whole.value.session?.cookie?.name?.toLowerCase();
  const lower = name.toLowerCase();
  if (own !== undefined) return lower.startsWith(own);
  return /^(__(host|secure)-)?sallyport/.test(lower);
}

export const stickyChecks: readonly Check<Whole>[] = [
  each(stickyCookies, [
    {
      when: isOfSession,
      says: 'names that begin with that of the session cookie are for sessions and logins.',
    },
    {
      when: ({ name, whole }) =>
        /^__(host|secure)-/i.test(name) && origins(whole).some(({ protocol }) => protocol === 'http:'),
      says: 'browsers take __Host- and __Secure- cookies on https only, and publicUrl is http.',
    },
    {
      when: ({ twin }) => twin !== undefined,
      says: ({ twin }) => `${twin} has a cookie of this name for other targets: name it otherwise.`,
    },
  ]),
];

import { escapeControls } from '../observe/control-characters.ts';
import type { ListedSession } from '../session/people.ts';
import {
  type AdminAnswer,
  type AdminOptions,
  exitCodes,
  membersOf,
  refusalIn,
  withAdmin,
} from './admin-client.ts';

export interface SessionsOptions extends AdminOptions {
  /** What the gateway says, as it is. */
  json?: boolean | undefined;
}

const placeOf = (user: string) => `/sessions?user=${encodeURIComponent(user)}`;

/** `sallyport sessions list USER`. Gives the exit code: 0 done, 1 refused, 2 no answer. */
export function listSessions(user: string, options: SessionsOptions): Promise<number> {
  return withAdmin(options, async (admin) => {
    const answer = await admin.ask('GET', placeOf(user), { isOperator: true });
    return say(answer, options, () => {
      const { sessions } = membersOf(answer) as { sessions: ListedSession[] };
      return sessions.length === 0 ? 'no sessions' : sessions.map(lineOf).join('\n');
    });
  });
}

/** `sallyport sessions end USER`, or `--id ID`. Gives the exit code: 0 done, 1 refused, 2 no answer. */
export function endSessions(
  user: string | undefined,
  options: SessionsOptions & { id?: string | undefined },
): Promise<number> {
  const { id } = options;
  if ((user === undefined) === (id === undefined)) {
    console.error('name a person, or one session with --id');
    return Promise.resolve(exitCodes.refused);
  }
  const path = id === undefined ? placeOf(user ?? '') : `/sessions/${encodeURIComponent(id)}`;
  return withAdmin(options, async (admin) => {
    const answer = await admin.ask('DELETE', path, { isOperator: true });
    return say(answer, options, () => {
      const { ended } = membersOf(answer);
      return ended === null ? 'ended; how many there were is not known' : `ended: ${ended}`;
    });
  });
}

function say(answer: AdminAnswer, { json }: SessionsOptions, sentence: () => string): number {
  if (answer.status !== 200) {
    console.error(refusalIn(answer));
    return exitCodes.refused;
  }
  console.log(escapeControls(json ? JSON.stringify(answer.json, undefined, 2) : sentence()));
  return exitCodes.done;
}

const timeOf = (seconds: number) => new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');

/** People choose what they are called: nothing of it begins a line, acts upon the terminal, or passes for another field. */
const nameOf = (text: string) => (/^[^\s"\p{C}]+$/u.test(text) ? text : JSON.stringify(text));

/** The subject is there in any case, since who chooses a user name may choose that of somebody else. */
function lineOf({ id, provider, subject, user, email, createdAt, seenAt, expiresAt }: ListedSession): string {
  const others = [user === subject ? undefined : user, email].flatMap((text) => text ?? []);
  const who = [subject, ...others].map(nameOf).join(' ');
  const when = `since ${timeOf(createdAt)}, last seen ${timeOf(seenAt)}, until ${timeOf(expiresAt)}`;
  return `${id}  ${who}  ${provider}  ${when}`;
}

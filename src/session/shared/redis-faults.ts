/** What an error of Redis says of the server. */
export interface Fault {
  /** One word for the log, by which one fault is told from the next: `READONLY`, `ECONNREFUSED`, `timeout`. */
  name: string;
  /** A sentence for people. */
  reason: string;
  /** `command`: of this command alone; `writes`: it still reads; `all`: it cannot be used. */
  concerns: 'command' | 'writes' | 'all';
}

/** Replies that are about the command that was sent, and say nothing of the next one. */
const ofCommand: ReadonlySet<string> = new Set(['ERR', 'WRONGTYPE', 'NOSCRIPT', 'NOPERM', 'EXECABORT']);
/** Replies of a server that has no room, no disk or no replicas for what is new, and can read what it has. */
const ofWrites: ReadonlySet<string> = new Set(['OOM', 'MISCONF', 'NOREPLICAS']);

/** What does not work, for whoever looks after the gateway. */
export interface Trouble {
  /** A stable name that programs and runbooks go by. */
  reason: string;
  /** For people to read, without names and addresses. */
  detail: string;
}

const readOnly = { reason: 'store_read_only', detail: 'Redis is a replica, and takes no writes' };
const full = { reason: 'store_full', detail: 'Redis has no memory left, and takes no writes' };
const notWriting = { reason: 'store_not_writing', detail: 'Redis takes no writes' };
const refusing = { reason: 'store_refuses_login', detail: 'Redis does not accept the user or the password' };
const notReady = { reason: 'store_not_ready', detail: 'Redis answers, and cannot be used yet' };
const unreachable = { reason: 'store_unreachable', detail: 'Redis is not reachable' };

/** Of the channel alone. */
export const deaf: Trouble = {
  reason: 'store_deaf',
  detail: 'Redis does not pass on what instances tell each other',
};

const troubles: Readonly<Record<string, Trouble>> = {
  READONLY: readOnly,
  OOM: full,
  MISCONF: notWriting,
  NOREPLICAS: notWriting,
  WRONGPASS: refusing,
  NOAUTH: refusing,
  NOPERM: refusing,
  LOADING: notReady,
  MASTERDOWN: notReady,
  CLUSTERDOWN: notReady,
};

/** @param name of the fault, as `faultOf` gives it; undefined before any was met */
export function troubleOf(name: string | undefined, concerns: 'writes' | 'all'): Trouble {
  const standard = concerns === 'writes' ? notWriting : unreachable;
  if (name === undefined || ofWrites.has(name) !== (concerns === 'writes')) return standard;
  return troubles[name] ?? standard;
}

/** No reply came in time. */
export class RedisTimeout extends Error {
  constructor(ms: number) {
    super(`there was no reply in ${ms} ms`);
  }
}

/**
 * Every reply that is not known to be about one command is one of the server: READONLY, NOAUTH, WRONGPASS, LOADING,
 * MASTERDOWN, CLUSTERDOWN, and whatever comes after them. So is everything that is no reply at all.
 */
export function faultOf(error: unknown): Fault {
  // A cluster that cannot be used says so; why is with the node that was asked last.
  const { lastNodeError } = error as { lastNodeError?: Error };
  if (lastNodeError) return faultOf(lastNodeError);
  const { name: kind, message, code } = error as NodeJS.ErrnoException;
  const reason = message === '' || message === undefined ? (code ?? String(error)) : message;
  if (error instanceof RedisTimeout || message === 'Command timed out')
    return { name: 'timeout', reason, concerns: 'all' };
  const word = wordOf(reason);
  if (kind === 'ReplyError' && word !== undefined) {
    const concerns = ofCommand.has(word) ? 'command' : ofWrites.has(word) ? 'writes' : 'all';
    return { name: word, reason, concerns };
  }
  return { name: code ?? 'connection', reason, concerns: 'all' };
}

/**
 * What a reply wraps. Before version 7, what a command in a script is refused with stands behind where the script failed:
 * `ERR Error running script (call to f_…): @user_script:3: @user_script: 3: -OOM command not allowed …`. A transaction names
 * the refusal that it failed for.
 */
const wrappings: readonly RegExp[] = [
  /^ERR Error running script \(.*?\): (?:@user_script: ?\d+: )+/,
  /^EXECABORT Transaction discarded because of: /,
];

/** The word that a reply begins with, or the one that it wraps. */
function wordOf(reason: string): string | undefined {
  const wrapped = wrappings.reduce((text, wrapping) => text.replace(wrapping, ''), reason);
  const first = (text: string) => /^-?([A-Z]{3,})\b/.exec(text)?.[1];
  return first(wrapped) ?? first(reason);
}

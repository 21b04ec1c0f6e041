import type { Differences } from '../differences.ts';
import type { Consequence } from './consequences.ts';
import type { KeyDifference } from './keys.ts';
import type { Conditions, People } from './people.ts';
import type { Place, RouteDifference, Shift } from './routes.ts';

/** Of longer lists so many items are told; all of them are in the differences themselves. */
const mostItems = 12;

/** The differences as lines for the people who run the gateway; never none. */
export function tellDifferences(differences: Differences): string[] {
  const { routes, keys, consequences, oddPaths, fixed } = differences;
  const lines = [
    ...routes.flatMap(tellRoute),
    ...keys.map((key) => `key      ${tellKey(key)}`),
    ...consequences.map((each) => `note     ${tellConsequence(each)}`),
    ...(oddPaths.length > 0 ? [tellOddPaths(oddPaths)] : []),
    ...fixed.map((key) => `start    ${key}: stays as it is until the gateway is started anew`),
  ];
  return lines.length > 0 ? lines : ['nothing changes'];
}

function tellOddPaths(hosts: readonly string[]): string {
  const where = hosts.join() === '' ? '' : ` on ${listed(hosts.map((host) => host || 'any other host'))}`;
  return `note     other spellings than the plain one (/A%64min, /admin;v=1) may be refused that passed, or pass${where}`;
}

function tellRoute({ change, access, shifts, keys, ...place }: RouteDifference): string[] {
  return [
    `${change.padEnd(8)} ${tellPlace(place)}: ${sayings[access]}`,
    ...shifts.flatMap(tellShift),
    ...keys.map((key) => `           ${tellKey(key)}`),
  ];
}

const sayings = {
  widened: 'widened',
  narrowed: 'narrowed',
  changed: 'others pass than before',
  same: 'the same people pass',
} as const;

function tellShift({ at, before, after, gained, lost, isUndecided }: Shift): string[] {
  const deciding = before === after ? '' : ` (${before} decided, now ${after})`;
  const where = `${at ? ` at ${listed(at.map(tellPlace))}` : ''}${deciding}`;
  return [
    ...shortened(gained.map((people) => `           may pass now${where}: ${tellPeople(people, 'before')}`)),
    ...shortened(lost.map((people) => `           no longer passes${where}: ${tellPeople(people, 'now')}`)),
    ...(isUndecided ? [`           more than could be compared${where}: read both rules`] : []),
  ];
}

const tellPlace = ({ host = '', path, methods }: Place): string =>
  `${host}${path}${methods ? ` ${methods.join(',')}` : ''}`;

function tellPeople({ who, conditions = {}, except = [], requests }: People, when: string): string {
  const parts = [who, ...tellConditions(conditions), ...(requests === undefined ? [] : [requests])];
  const others = except.map((each) => tellConditions(each).join(', '));
  return parts.join(', ') + (others.length > 0 ? `; ${when} only with ${listed(others, ', or ')}` : '');
}

const tellConditions = (conditions: Conditions): string[] =>
  Object.entries(conditions).map(([name, values]) => `${name} ${listed(values)}`);

function tellKey({ key, before, after, isHidden }: KeyDifference): string {
  if (isHidden) return `${key}: another one, which is not shown`;
  return `${key}: ${before === undefined ? 'unset' : tellValue(before)} -> ${after === undefined ? 'unset' : tellValue(after)}`;
}

const tellValue = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function tellConsequence(consequence: Consequence): string {
  switch (consequence.kind) {
    case 'signed-out': {
      const { who, because, provider } = consequence;
      const some = provider === undefined ? 'some sessions' : `sessions with ${provider}`;
      return `${who === 'all' ? 'all sessions' : some} end: ${because}`;
    }
    case 'cookie-moved':
      return `people may have to sign in again, since browsers keep the cookie of before beside the new one: ${consequence.because}`;
    case 'not-refreshed':
      return `sessions of ${consequence.provider} end with their access token, and are not refreshed: ${consequence.because}`;
    case 'claims-lacking':
      return `sessions of before lack ${listed(consequence.claims)} until people sign in again or their claims are asked for anew`;
    case 'sockets-ended':
      return `open WebSockets end that are idle for longer: ${consequence.because}`;
    case 'register':
      return `to be registered at ${consequence.provider}: ${listed(consequence.redirectUris)}`;
    case 'origins':
      return tellOrigins(consequence);
    case 'assertion-keys':
      return `assertions are signed with other keys, which applications have to fetch: ${consequence.because}`;
  }
}

function tellOrigins({ gained, lost }: Consequence & { kind: 'origins' }): string {
  const parts = [
    ...(gained.length > 0 ? [`pages of ${listed(gained)} may open WebSockets with a session now`] : []),
    ...(lost.length > 0 ? [`pages of ${listed(lost)} may not any more`] : []),
  ];
  return parts.join('; ');
}

function shortened(lines: readonly string[]): string[] {
  if (lines.length <= mostItems) return [...lines];
  return [
    ...lines.slice(0, mostItems),
    `           and so do ${lines.length - mostItems} more kinds of people`,
  ];
}

function listed(items: readonly string[], between = ', '): string {
  const told = items.slice(0, mostItems).join(between);
  return items.length > mostItems ? `${told} and ${items.length - mostItems} more` : told;
}

import type { Choose, Member } from './member.ts';

/** In turn, and by weight: of as many requests as all weights together, each member gets those of its own. */
export function roundRobin(members: readonly Member[]): Choose {
  const turns = turnsOf(members);
  let at = 0;
  return (isFit) => {
    for (let step = 0; step < turns.length; step++) {
      const member = turns[(at + step) % turns.length] as Member;
      if (!isFit(member)) continue;
      at = (at + step + 1) % turns.length;
      return member;
    }
    return undefined;
  };
}

/**
 * One round: each member as often as it has weight, spread among the others. For each turn every member is lent its
 * weight, and who has most by then takes the turn and pays back the sum. Without weights that is one after another.
 */
function turnsOf(members: readonly Member[]): Member[] {
  const divisor = members.reduce((found, { weight }) => greatestCommonDivisor(found, weight), 0);
  const credits = members.map((member) => ({ member, weight: member.weight / divisor, credit: 0 }));
  const sum = credits.reduce((all, { weight }) => all + weight, 0);
  return Array.from({ length: sum }, () => {
    for (const each of credits) each.credit += each.weight;
    const most = credits.reduce((found, each) => (each.credit > found.credit ? each : found));
    most.credit -= sum;
    return most.member;
  });
}

const greatestCommonDivisor = (one: number, other: number): number =>
  other === 0 ? one : greatestCommonDivisor(other, one % other);

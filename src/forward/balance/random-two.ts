import type { Random } from '../../random.ts';
import { isBusier } from './least-connections.ts';
import type { Choose, Member } from './member.ts';

/**
 * To the less busy of two that are drawn by weight. Many gateways that each know their own requests alone do not all
 * choose the same member by it, as they would by the fewest.
 */
export function randomTwo(members: readonly Member[], random: Random): Choose {
  const draw = (isFit: (member: Member) => boolean): Member | undefined => {
    let sum = 0;
    for (const member of members) if (isFit(member)) sum += member.weight;
    let left = random() * sum;
    let last: Member | undefined;
    for (const member of members) {
      if (!isFit(member)) continue;
      last = member;
      left -= member.weight;
      if (left < 0) break;
    }
    return last;
  };
  return (isFit) => {
    const one = draw(isFit);
    const other = one && draw((member) => member !== one && isFit(member));
    return one && other && isBusier(one, other) ? other : one;
  };
}

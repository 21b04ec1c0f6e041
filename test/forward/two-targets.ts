import type { Test } from 'tap';
import { arrangeGateway } from '../support/arrange.ts';
import { createWoundClock } from '../support/clock.ts';
import { startTarget } from '../support/target-process.ts';

/** A gateway before two targets, each a process of its own. */
export async function arrangeTwo(
  t: Test,
  upstream: Record<string, unknown> = {},
  route: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
) {
  const clock = createWoundClock();
  const [first, second] = [await startTarget(t, 'first'), await startTarget(t, 'second')];
  const targets = [first.url, second.url];
  const routes = [{ path: '/', upstream: { targets, ...upstream }, allow: 'public', ...route }];
  const scene = await arrangeGateway(t, { config: { ...more, routes }, clock });
  /** Who answers, or the status. */
  const ask = async (requests: number, method = 'GET') => {
    const found: (string | number)[] = [];
    for (let each = 0; each < requests; each++) {
      const { status, text } = await scene.client.request(`${scene.gateway.url}/x`, { method });
      found.push(status === 200 ? text : status);
    }
    return found;
  };
  return { ...scene, clock, first, second, ask };
}

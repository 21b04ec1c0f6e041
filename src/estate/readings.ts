import type { LiveConnections } from '../forward/live-connections.ts';
import type { Reading } from '../observe/metrics/meters.ts';
import type { Generations } from './generations.ts';

/** What of this process is seen when somebody asks: what is open, and how the targets of the plan in force stand. */
export function readingsOf(
  { all, current }: Pick<Generations, 'all' | 'current'>,
  { count }: Pick<LiveConnections, 'count'>,
): Reading[] {
  const generations = all();
  if (generations.length === 0) return [];
  const websockets = count('websocket');
  const eventStreams = count('event-stream');
  const open = generations.reduce((sum, { requests }) => sum + requests.count(), 0);
  const inFlight = (kind: string, value: number): Reading => ({ key: 'inFlight', labels: { kind }, value });
  return [
    inFlight('http', Math.max(0, open - websockets - eventStreams)),
    inFlight('websocket', websockets),
    inFlight('event-stream', eventStreams),
    ...current()
      .targets()
      .map(
        ({ route, target, isUp }): Reading => ({
          key: 'targetUp',
          labels: { route, target },
          value: isUp ? 1 : 0,
        }),
      ),
  ];
}

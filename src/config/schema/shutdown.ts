import { z } from 'zod';
import { parseDuration } from '../units.ts';
import { parsed } from './fields.ts';

/** Longer, nobody waits for a process to end, and timers of Node.js do not count to a month. */
const longestMs = 86_400_000;

const upToADay = (input: string): number | undefined => {
  const milliseconds = parseDuration(input);
  return milliseconds === undefined || milliseconds > longestMs ? undefined : milliseconds;
};

/** How the gateway ends when it is told to. */
export const shutdown = z
  .strictObject({
    delay: parsed('a duration up to 24h such as 0s or 5s', upToADay).prefault('0s').meta({
      description:
        'How long requests are still taken after the signal, while `/readyz` says 503 already and each answer ends its connection: what a load balancer needs to notice.',
    }),
    timeout: parsed('a duration above 0 and up to 24h such as 25s', (input) => upToADay(input) || undefined)
      .prefault('25s')
      .meta({
        description:
          'When everything has ended, counted from the signal, the delay included. What is open then is cut. Whoever stops the gateway has to wait for longer before it kills: Kubernetes does (30 seconds), `docker stop` does not (10 seconds).',
      }),
  })
  .prefault({})
  .meta({ description: 'How the gateway ends after SIGTERM or SIGINT.' });

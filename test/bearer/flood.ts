import { Pool } from 'undici';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { arrangeBearer, type BearerScene } from './scene.ts';

const atOnce = 16;
/** Thousands of requests, on a machine that may have other things to do. */
export const patient = { timeout: 120_000 };

/** Sends requests over kept-alive connections; gives how many answers had which status. */
export async function flood(
  { gateway }: BearerScene,
  count: number,
  tokenOf: (index: number) => string,
): Promise<Record<number, number>> {
  const seen: Record<number, number> = {};
  let next = 0;
  const pool = new Pool(gateway.url, { connections: atOnce });
  const send = async () => {
    while (next < count) {
      const headers = { authorization: `Bearer ${tokenOf(next++)}` };
      const { statusCode, body } = await pool.request({ path: '/', method: 'GET', headers });
      await body.dump();
      seen[statusCode] = (seen[statusCode] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, send));
  await pool.close();
  return seen;
}

/** In front of an application that does next to nothing, so that much can be asked in little time. */
export async function arrangeFlood(t: Teardown): Promise<BearerScene> {
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'));
  return arrangeBearer(t, { routes: [{ upstream: upstream.url }], logging: { level: 'warn' } });
}

export const many = async (count: number, make: (index: number) => Promise<string>): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

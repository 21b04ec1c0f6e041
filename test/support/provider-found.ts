import { request } from 'node:http';
import { until } from './until.ts';

/**
 * Waits until a gateway has found its provider: until then, starting a login is answered with 503.
 * @param url where the gateway listens
 * @param prefix the path of its endpoints
 */
export async function providerFound(url: string, prefix = '/oauth2'): Promise<void> {
  await until('the provider', async () => (await statusOf(`${url}${prefix}/start`)) !== 503);
}

function statusOf(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { agent: false, rejectUnauthorized: false } as object, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

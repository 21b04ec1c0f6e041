import { type Client, createClient, type HttpAnswer } from '../support/client.ts';
import { type FrontScene, kept } from './front-scene.ts';

const told = ({ status, headers }: HttpAnswer) => `${status} ${JSON.stringify(headers)}`;

/** An answer to somebody whose cookie comes with it, by the directives that caches heed. */
async function refreshedAt({ publicUrl }: FrontScene, cookies: string[], path: string) {
  const other = createClient();
  const answer = await other.get(publicUrl + path, { cookie: cookies.join('; ') });
  other.close();
  const directives = (name: string) => String(answer.headers[name] ?? '').split(/\s*,\s*/);
  return { answer, isRenewed: answer.setCookies.length > 0, directives };
}

/** No shared cache keeps an answer that brings a cookie; what the application says is as it was without one. */
export async function keptForOnePerson(
  scene: FrontScene,
  cookies: string[],
  stranger: Client,
): Promise<true | string> {
  const { answer, isRenewed, directives } = await refreshedAt(scene, cookies, '/kept');
  const isPrivate =
    directives('cache-control').includes('private') &&
    ['cdn-cache-control', 'surrogate-control'].every((name) => directives(name).includes('no-store')) &&
    answer.headers['x-accel-expires'] === '0';
  if (!isRenewed || !isPrivate) return told(answer);
  const stricter = await refreshedAt(scene, cookies, '/kept/no-store');
  const isKept = stricter.directives('cache-control').includes('no-store');
  if (!stricter.isRenewed || !isKept) return told(stricter.answer);
  const { headers } = await stranger.get(`${scene.publicUrl}/open/kept`);
  const isUntouched = Object.entries(kept).every(([name, value]) => headers[name] === value);
  return isUntouched || `to a stranger: ${JSON.stringify(headers)}`;
}

/** What the application says to shared caches is gone from such an answer. */
export async function keptInPlace(scene: FrontScene, cookies: string[]): Promise<true | string> {
  const { answer, isRenewed, directives } = await refreshedAt(scene, cookies, '/kept');
  const left = directives('cache-control').filter((said) => /^(public|s-maxage)/.test(said));
  return (isRenewed && left.length === 0) || told(answer);
}

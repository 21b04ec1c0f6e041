import { createHmac } from 'node:crypto';
import type { Config } from '../../config/schema/index.ts';

/**
 * A few digits that are the same where the configuration is: of two instances, or before and after a restart. Secrets
 * count, and are found by nobody who tries them against the digits: those are made with the secret of the sessions, and
 * where there is none, secrets do not count.
 */
export function configHash({
  shown,
  secrets,
  session,
}: Pick<Config, 'shown' | 'secrets' | 'session'>): string {
  // One that nobody has chosen is another one after each start.
  const isChosen = (shown.session as { secret?: unknown } | undefined)?.secret !== undefined;
  const key = isChosen
    ? Buffer.concat([Buffer.from('config hash'), ...session.secret.slice(0, 1)])
    : 'config hash';
  const counting = isChosen ? [...secrets].sort() : [];
  return createHmac('sha256', key)
    .update(JSON.stringify([shown, counting]))
    .digest('hex')
    .slice(0, 12);
}

import type { z } from 'zod';
import type { ReadConfig } from '../normalise.ts';
import type { Partly } from '../salvage.ts';
import { adminChecks } from './admin.ts';
import { auditChecks } from './audit.ts';
import { bearerChecks } from './bearer.ts';
import { type Check, type Finding, run } from './check.ts';
import { cookieChecks } from './cookie.ts';
import { listenerChecks } from './listeners.ts';
import { presetChecks } from './presets.ts';
import { providerChecks } from './providers.ts';
import { publicUrlChecks } from './public-url.ts';
import { rateLimitChecks } from './rate-limit.ts';
import { routeChecks } from './routes.ts';
import { clashChecks } from './same-requests.ts';
import { sessionChecks } from './session.ts';
import { shutdownChecks } from './shutdown.ts';
import { stickyChecks } from './sticky.ts';
import { partAt, type Whole } from './subjects.ts';
import { stepUpChecks, upstreamTokenChecks } from './token.ts';
import { trustedProxyChecks } from './trusted-proxies.ts';

const checks: readonly Check<Whole>[] = [
  ...presetChecks,
  ...routeChecks,
  ...publicUrlChecks,
  ...providerChecks,
  ...bearerChecks,
  ...cookieChecks,
  ...sessionChecks,
  ...listenerChecks,
  ...rateLimitChecks,
  ...shutdownChecks,
  ...stickyChecks,
  ...trustedProxyChecks,
  ...adminChecks,
  ...auditChecks,
  ...upstreamTokenChecks,
  ...stepUpChecks,
  ...clashChecks,
];

/**
 * What no single key can tell: keys that need, exclude or contradict each other. It looks at all that is valid, so
 * that these problems are reported together with those of single keys.
 * @param issues what the schema says of the document
 */
export function findInconsistencies(
  document: unknown,
  value: Partly<ReadConfig>,
  issues: readonly z.core.$ZodIssue[],
): Finding[] {
  const isValid = (key: string) => issues.every(({ path }) => path[0] !== key);
  return run(checks, { ...partAt<ReadConfig>(document, [], value), document, isValid });
}

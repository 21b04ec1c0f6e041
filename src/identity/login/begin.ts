import type { StepUpConfig } from '../../config/schema/index.ts';
import type { Answer } from '../../pages/answer.ts';
import type { BrowserRequest } from '../browser/browser-request.ts';
import { safeReturnTo } from '../browser/return-to.ts';
import { type LoginByAddressNeeds, namedProviders } from './initiate.ts';

/** What begins a login at the endpoint `start`. */
export interface BeginNeeds extends LoginByAddressNeeds {
  /** The path below which the endpoints live. */
  prefix: string;
}

/** Begins the login that an address asks for: where to go afterwards, how strong, at which provider. */
export async function beginLogin(
  needs: BeginNeeds,
  browser: BrowserRequest,
  query: URLSearchParams,
): Promise<Answer> {
  // A proxy that sends somebody here by itself asks for a page of its own, not for a page of the gateway.
  const asked = browser.originalUri?.startsWith(`${needs.prefix}/`) ? undefined : browser.originalUri;
  const returnTo = safeReturnTo(
    query.get('rd') ?? asked,
    browser.origin,
    needs.returnOrigins,
    needs.isReadable,
  );
  const session = await needs.sessions.peek(browser.cookies);
  const stepUp = stepUpOf(needs, returnTo, query.get('step_up'));
  const wanted = namedProviders(needs.providers, query);
  return needs.start(browser, {
    returnTo,
    // A proxy in front may send people here again and again for a stronger sign-in; nobody else would.
    byIntent: session !== undefined && !stepUp,
    asked: query,
    providers: wanted ?? (stepUp && session ? [session.provider] : undefined),
    stepUp: stepUp && { ...stepUp, attempt: 1 },
    hasSession: session !== undefined,
  });
}

/** What the page to go to asks of a sign-in; or the request that was refused, as `POST:/transfers`. */
function stepUpOf(
  { findStepUp }: Pick<BeginNeeds, 'findStepUp'>,
  returnTo: string,
  refused: string | null,
): StepUpConfig | undefined {
  const [, method, path] = /^([A-Z]{1,20}):(\/.*)$/s.exec(refused ?? '') ?? [];
  return path === undefined ? findStepUp(returnTo) : findStepUp(new URL(returnTo).origin + path, method);
}

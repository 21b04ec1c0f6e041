import { buildEndSessionUrl, randomState } from 'openid-client';
import { describeError, type Logger } from '../../observe/log.ts';
import type { Session } from '../../session/session.ts';
import type { Provider } from '../provider/provider.ts';

const idTokenPlace = '{id_token}';

/** Whether the logout at the provider is told who it is for by the ID token. */
export function needsIdToken({ client, config: { endSessionParams } }: Provider): boolean {
  if (client().serverMetadata().end_session_endpoint === undefined) return false;
  return !endSessionParams || Object.values(endSessionParams).some((value) => value.includes(idTokenPlace));
}

/**
 * Where the sign-in at the provider is ended (OpenID Connect RP-Initiated Logout 1.0 §2), with the parameters
 * of the configuration where the provider has its own; undefined where there is no such address.
 */
export function endSessionUrlOf(
  provider: Provider,
  session: Session,
  returnTo: string,
  log: Logger,
): string | undefined {
  const client = provider.client();
  const { end_session_endpoint: endpoint } = client.serverMetadata();
  const { clientId, endSessionParams } = provider.config;
  if (endpoint === undefined) return undefined;
  const { idToken } = session;
  try {
    if (!endSessionParams) {
      return buildEndSessionUrl(client, {
        ...(idToken !== undefined && { id_token_hint: idToken }),
        post_logout_redirect_uri: returnTo,
        state: randomState(),
      }).href;
    }
    const url = new URL(endpoint);
    const places = { '{client_id}': clientId, '{return_to}': returnTo, [idTokenPlace]: idToken };
    for (const [name, template] of Object.entries(endSessionParams)) {
      const value = filled(template, places);
      if (value !== undefined) url.searchParams.set(name, value);
    }
    return url.href;
  } catch (error) {
    log.warn(
      { provider: provider.name, reason: describeError(error) },
      'the logout address could not be built',
    );
    return undefined;
  }
}

/** Undefined where one of the places has nothing to stand in it. */
function filled(template: string, places: Readonly<Record<string, string | undefined>>): string | undefined {
  let text = template;
  for (const [place, value] of Object.entries(places)) {
    if (!text.includes(place)) continue;
    if (value === undefined) return undefined;
    text = text.replaceAll(place, () => value);
  }
  return text;
}

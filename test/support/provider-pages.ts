import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider';

/** The path below which the provider asks people who they are. */
export const interactionPath = '/interaction/';

/**
 * Answers the provider's interactions: `GET` shows a form with the field `login`, `POST` of it ends the
 * interaction. There is no password and no consent.
 * @param knows whether somebody of this name exists
 * @param acrValues the classes that a sign-in can have; it gets the first that was asked for
 */
export async function answerInteraction(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  knows: (login: string) => boolean,
  acrValues: readonly string[] = [],
): Promise<void> {
  if (request.method === 'POST') {
    let form = '';
    for await (const chunk of request) form += String(chunk);
    const fields = new URLSearchParams(form);
    const login = fields.get('login') ?? '';
    if (fields.has('cancel')) {
      await provider.interactionFinished(request, response, { error: 'access_denied' });
      return;
    }
    if (knows(login)) {
      const { params } = await provider.interactionDetails(request, response);
      const asked = String(params.acr_values ?? '').split(' ');
      const acr = asked.find((value) => acrValues.includes(value));
      await provider.interactionFinished(request, response, {
        login: { accountId: login, ...(acr !== undefined && { acr }) },
      });
      return;
    }
  }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(
    `<!doctype html><title>Who are you?</title><form method="post"><label>Name <input name="login" autofocus></label>` +
      `<button class="sign-in">Sign in</button><button class="cancel" name="cancel" value="1">Cancel</button></form>`,
  );
}

/** Grants every scope that a client asks for, so that nobody has to consent. */
export const grantWithoutConsent: NonNullable<Configuration['loadExistingGrant']> = async ({ oidc }) => {
  const { client, session, account, provider, result, requestParamScopes } = oidc;
  if (!client || !session || !account) return undefined;
  const known = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  const existing = known === undefined ? undefined : await provider.Grant.find(known);
  const grant = existing ?? new provider.Grant({ clientId: client.clientId, accountId: account.accountId });
  const scope = [...requestParamScopes].join(' ');
  grant.addOIDCScope(scope);
  for (const server of Object.values(oidc.resourceServers ?? {})) {
    grant.addResourceScope(server.identifier(), [...server.scopes].join(' '));
  }
  await grant.save();
  return grant;
};

/** The page on which the provider asks whether to sign out there too; its form is `op.logoutForm`. */
export function showLogoutPage(ctx: KoaContextWithOIDC, form: string): void {
  ctx.type = 'html';
  ctx.body = `<!doctype html><title>Sign out?</title>${form}<button class="sign-out" form="op.logoutForm" name="logout" value="yes">Sign out</button>`;
}

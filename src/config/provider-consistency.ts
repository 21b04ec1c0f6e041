import { fapi2Algorithms } from '../identity/provider/algorithms.ts';
import { asMap, asTexts, isOff, isOn, type Loose } from './loose.ts';
import { parameterKeys, reservedAuthorizationParams } from './schema/login-request.ts';

/** A problem below one provider. */
export interface ProviderProblem {
  path: string[];
  message: string;
}

/** What the keys of one provider need, exclude or contradict, as to authentication, requests and profile. */
export function findProviderProblems(provider: Loose): ProviderProblem[] {
  return [...clientAuthProblems(provider), ...parameterProblems(provider), ...profileProblems(provider)];
}

const hasKey = ({ privateKey }: Loose): boolean => privateKey !== undefined;

function clientAuthProblems(provider: Loose): ProviderProblem[] {
  const { clientAuth, clientSecret, tls, requestObject } = provider;
  const found: ProviderProblem[] = [];
  const report = (key: string, message: string) => found.push({ path: [key], message });
  const isFapi = provider.profile === 'fapi2';
  const takesSecret =
    clientAuth === undefined ? !hasKey(provider) && tls === undefined : isSecret(clientAuth);
  if (takesSecret && clientSecret === undefined && provider.clientId !== undefined && !isFapi) {
    report(
      'clientSecret',
      'this key is required: the secret that the provider issued, as ${NAME} or ${file:/path} (or `clientAuth: none` for a public client).',
    );
  }
  if (
    /^(none|private_key_jwt|(self_signed_)?tls_client_auth)$/.test(String(clientAuth)) &&
    clientSecret !== undefined
  ) {
    report('clientSecret', `a client with \`clientAuth: ${clientAuth}\` has no secret.`);
  }
  if (clientAuth === undefined && hasKey(provider) && clientSecret !== undefined && !isFapi) {
    report('clientSecret', '`privateKey` is given too: drop one of the two, or say which by `clientAuth`.');
  }
  if (clientAuth === 'private_key_jwt' && !hasKey(provider)) {
    report('privateKey', 'this key is required: private_key_jwt signs with it.');
  }
  if (typeof clientAuth === 'string' && clientAuth.includes('tls_client_auth') && tls === undefined) {
    report('tls', `this key is required: ${clientAuth} shows this certificate.`);
  }
  if (isOn(requestObject) && !hasKey(provider)) {
    report('privateKey', 'this key is required: `requestObject` signs with it.');
  }
  const isUsed = clientAuth === undefined || clientAuth === 'private_key_jwt' || isOn(requestObject);
  if (hasKey(provider) && !isUsed) {
    report('privateKey', 'neither `clientAuth` nor `requestObject` uses it, so this would have no effect.');
  }
  return found;
}

const isSecret = (clientAuth: unknown): boolean => String(clientAuth).startsWith('client_secret_');

function parameterProblems(provider: Loose): ProviderProblem[] {
  const found: ProviderProblem[] = [];
  const parameters = asMap(provider.authorizationParams);
  const byKey = new Map(
    Object.entries(parameterKeys).flatMap(([key, parameter]) =>
      provider[key] === undefined ? [] : [[parameter, key]],
    ),
  );
  for (const [name, value] of Object.entries(parameters)) {
    const report = (message: string) => found.push({ path: ['authorizationParams', name], message });
    const key = byKey.get(name);
    if (name === 'response_mode') report('the login sets this parameter itself: see `responseMode`.');
    else if (reservedAuthorizationParams.includes(name)) report('the login sets this parameter itself.');
    else if (name === 'resource') report('the token requests need it too: give it as `resource`.');
    else if (key !== undefined) report(`\`${key}\` sets this parameter too: give one of the two.`);
    else if (name === 'max_age' && !/^\d{1,9}$/.test(String(value))) report('expected a number of seconds.');
    else if (name === 'claims' && !isJsonObject(value)) report('expected JSON text of an object.');
  }
  for (const name of asTexts(provider.allowedParams)) {
    if (byKey.has(name) || Object.hasOwn(parameters, name)) {
      const message = `${name} is set by this configuration, so that nobody can choose another: drop one of the two.`;
      found.push({ path: ['allowedParams'], message });
    }
  }
  return found;
}

function isJsonObject(value: unknown): boolean {
  try {
    const parsed: unknown = JSON.parse(String(value));
    return parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed);
  } catch {
    return false;
  }
}

/** FAPI 2.0 Security Profile §5.3.3, as far as a file can break it. */
function profileProblems(provider: Loose): ProviderProblem[] {
  if (provider.profile !== 'fapi2') return [];
  const { clientAuth, tls } = provider;
  const found: ProviderProblem[] = [];
  const report = (key: string, message: string) =>
    found.push({ path: [key], message: `\`profile: fapi2\` ${message}` });
  if (isSecret(clientAuth) || clientAuth === 'none') {
    report('clientAuth', 'allows private_key_jwt, tls_client_auth and self_signed_tls_client_auth only.');
  }
  if (provider.clientSecret !== undefined) {
    report('clientSecret', 'forbids client secrets: give `privateKey`, or `tls`.');
  }
  if (!hasKey(provider) && tls === undefined) {
    report('privateKey', 'needs a client that signs or has a certificate: give `privateKey`, or `tls`.');
  }
  if (isOff(provider.par)) report('par', 'needs pushed authorization requests: drop this key.');
  if (isOff(provider.dpop) && tls === undefined) {
    report('dpop', 'needs tokens that are bound to the client: drop this key, or give `tls`.');
  }
  if (provider.assertionAudience === 'tokenEndpoint') {
    report('assertionAudience', 'allows the issuer as the audience only.');
  }
  if (isOn(provider.insecureHttp)) report('insecureHttp', 'forbids plain http.');
  const { alg } = asMap(provider.privateKey);
  if (typeof alg === 'string' && !fapi2Algorithms.includes(alg)) {
    report('privateKey', `allows ${fapi2Algorithms.slice(0, 3).join(', ')} only, not ${alg}.`);
  }
  return found;
}

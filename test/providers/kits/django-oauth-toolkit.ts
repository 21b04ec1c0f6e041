import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../../support/child.ts';
import { type Client, createClient, type HttpAnswer } from '../../support/client.ts';
import { submitForm } from '../../support/log-in.ts';
import { debianVersion } from '../debian.ts';
import type { ProviderKit, RealProvider } from '../kit.ts';
import { startServer } from '../server.ts';

const python = '/usr/bin/python3';

/** Debian's django-oauth-toolkit in a site of one file, with the sign-in of Django's own administration. */
export const kit: ProviderKit = {
  name: 'django-oauth-toolkit',
  prepare: () =>
    existsSync('/usr/lib/python3/dist-packages/oauth2_provider')
      ? undefined
      : 'apt-get install --no-install-recommends python3-django-oauth-toolkit',
  limits: {
    'sign-out here': 'django-oauth-toolkit 1.7: it has no RP-initiated logout',
    'sign-out there': 'django-oauth-toolkit: it tells nobody of a sign-out',
    'bearer (JWT)': 'django-oauth-toolkit: its access tokens are opaque',
    'step-up': 'django-oauth-toolkit: it has no `max_age`',
  },
  start,
};

const clientId = 'sallyport';
const clientSecret = randomBytes(24).toString('hex');
const accessTokenSeconds = 60;
const person = { username: 'ada', password: 'ada-password' };

async function start(origin: string): Promise<RealProvider> {
  let site = '';
  const server = await startServer((port, folder) => {
    site = join(folder, 'site.py');
    writeKey(folder);
    writeFileSync(site, program(folder, origin));
    const made = spawnSync(python, [site, 'setup'], { cwd: folder, encoding: 'utf8' });
    if (made.status !== 0) throw new Error(made.stderr);
    return () =>
      startChild(python, [site, 'runserver', '--noreload', `127.0.0.1:${port}`], {
        cwd: folder,
        ready: port,
      });
  });
  const { url } = server;
  return {
    version: debianVersion('python3-django-oauth-toolkit'),
    accessTokenSeconds,
    email: 'ada@example.com',
    settings: {
      issuer: `${url}/o`,
      clientId,
      clientSecret,
      scopes: ['openid', 'profile', 'email', 'introspection'],
    },
    goOn,
    async inBrowser(page) {
      await page.fill('input[name=username]', person.username);
      await page.fill('input[name=password]', person.password);
      await page.press('input[name=password]', 'Enter');
      await page.click('input[name=allow]');
    },
    revoke: (_client, token) => revokeToken(url, token),
    async rotateKeys() {
      // Keys are read at the start.
      writeKey(join(site, '..'));
      await server.restart();
    },
    restart: () => server.restart(),
    freeze: server.freeze,
    bearer: {
      introspection: { introspectionEndpoint: `${url}/o/introspect/`, clientId, clientSecret },
    },
    stop: server.stop,
  };
}

/** Django's sign-in, and the toolkit's consent. */
async function goOn(client: Client, page: HttpAnswer): Promise<HttpAnswer> {
  if (/name="password"/.test(page.text)) return submitForm(client, page, person);
  if (/name="allow"/.test(page.text)) return submitForm(client, page, { allow: 'Authorize' });
  throw new Error(`a page that nobody knows: ${page.url} ${page.status} ${page.text.slice(0, 500)}`);
}

async function revokeToken(url: string, token: string): Promise<void> {
  const client = createClient();
  try {
    const { status, text } = await client.request(`${url}/o/revoke_token/`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token, client_id: clientId, client_secret: clientSecret }).toString(),
    });
    if (status !== 200) throw new Error(`the token stays: ${status} ${text}`);
  } finally {
    client.close();
  }
}

function writeKey(folder: string): void {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
}

/** The whole site: settings, claims, addresses, and with `setup` its people and its client. */
function program(folder: string, origin: string): string {
  return `import sys, types
from django.conf import settings
from django.urls import include, path
settings.configure(
    DEBUG=False, SECRET_KEY='${randomBytes(25).toString('hex')}', ALLOWED_HOSTS=['127.0.0.1'], ROOT_URLCONF='__main__',
    DEFAULT_AUTO_FIELD='django.db.models.BigAutoField', USE_TZ=True, LOGIN_URL='/admin/login/', STATIC_URL='/static/',
    INSTALLED_APPS=['django.contrib.admin', 'django.contrib.auth', 'django.contrib.contenttypes',
                    'django.contrib.sessions', 'django.contrib.messages', 'oauth2_provider'],
    MIDDLEWARE=['django.contrib.sessions.middleware.SessionMiddleware', 'django.middleware.common.CommonMiddleware',
                'django.middleware.csrf.CsrfViewMiddleware', 'django.contrib.auth.middleware.AuthenticationMiddleware',
                'django.contrib.messages.middleware.MessageMiddleware'],
    TEMPLATES=[{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True, 'OPTIONS': {
        'context_processors': ['django.template.context_processors.request', 'django.contrib.auth.context_processors.auth',
                               'django.contrib.messages.context_processors.messages']}}],
    DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '${folder}/site.db', 'OPTIONS': {'timeout': 20}}},
    OAUTH2_PROVIDER={
        'OIDC_ENABLED': True, 'OIDC_RSA_PRIVATE_KEY': open('${folder}/key.pem').read(), 'PKCE_REQUIRED': True,
        'SCOPES': {'openid': 'OpenID', 'profile': 'Profile', 'email': 'Email', 'introspection': 'Introspection'},
        'ACCESS_TOKEN_EXPIRE_SECONDS': ${accessTokenSeconds}, 'ROTATE_REFRESH_TOKEN': True,
        'OAUTH2_VALIDATOR_CLASS': 'validator.Validator'})
import django
module = types.ModuleType('validator')
sys.modules['validator'] = module
django.setup()
from oauth2_provider.oauth2_validators import OAuth2Validator
class Validator(OAuth2Validator):
    oidc_claim_scope = None
    def get_additional_claims(self, request):
        return {'name': request.user.first_name, 'email': request.user.email}
module.Validator = Validator
from django.contrib import admin
urlpatterns = [path('admin/', admin.site.urls), path('o/', include('oauth2_provider.urls', namespace='oauth2_provider'))]
from django.core.management import call_command, execute_from_command_line
if sys.argv[1] == 'setup':
    call_command('migrate', verbosity=0)
    from django.contrib.auth.models import User
    from oauth2_provider.models import Application
    user = User.objects.create_superuser('${person.username}', 'ada@example.com', '${person.password}')
    Application.objects.create(client_id='${clientId}', client_secret='${clientSecret}', name='${clientId}', user=user,
        redirect_uris='${origin}/oauth2/callback', client_type='confidential', algorithm='RS256',
        authorization_grant_type='authorization-code')
else:
    execute_from_command_line(sys.argv)
`;
}

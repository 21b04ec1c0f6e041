import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Makes the database, the pages and the configuration of a Glewlwyd in a folder. */
export function prepareFolder(folder: string, port: number): void {
  const schema = gunzipSync(readFileSync('/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz'));
  const database = join(folder, 'glewlwyd.db');
  const made = spawnSync('sqlite3', [database], { input: schema, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`sqlite3: ${made.error?.message ?? made.stderr}`);
  const modules = '/usr/lib/glewlwyd';
  const pages = join(folder, 'pages');
  // Debian's link leads to a folder, and the sign-in page waits for ever for what is in it.
  cpSync('/usr/share/glewlwyd/webapp', pages, {
    recursive: true,
    dereference: true,
    filter: (path) => !path.endsWith('/config.json'),
  });
  copyFileSync('/etc/glewlwyd/config-2.7.json/config.json', join(pages, 'config.json'));
  const types = {
    html: 'text/html',
    css: 'text/css',
    js: 'application/javascript',
    json: 'application/json',
  };
  const mimeTypes = Object.entries(types).map(
    ([extension, type]) => `{ extension = ".${extension}" mime_type = "${type}" }`,
  );
  writeFileSync(
    join(folder, 'glewlwyd.conf'),
    `port=${port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:${port}"
login_url="login.html"
static_files_path="${pages}"
static_files_mime_types=(${mimeTypes.join(',')})
api_prefix="api"
log_mode="console"
log_level="WARNING"
cookie_secure=0
session_expiration=2419200
session_key="GLEWLWYD2_SESSION_ID"
admin_session_authentication="cookie"
profile_session_authentication="cookie"
allow_multiple_user_per_session=true
login_api_enabled=true
max_post_size=16778240
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="${modules}/user"
client_module_path="${modules}/client"
user_auth_scheme_module_path="${modules}/scheme"
plugin_module_path="${modules}/plugin"
use_secure_connection=false
secure_connection_key_file="none.key"
secure_connection_pem_file="none.pem"
secure_connection_ca_file="none.crt"
hash_algorithm="SHA512"
database={ type="sqlite3" path="${database}" };
`,
  );
}

interface PluginSettings {
  url: string;
  /** Private keys; the first signs. */
  keys: readonly Record<string, unknown>[];
  accessTokenSeconds: number;
}

/** The settings of its plugin for OpenID Connect, in the names of its API. */
export function plugin({ url, keys, accessTokenSeconds }: PluginSettings): Record<string, unknown> {
  return {
    iss: `${url}/api/oidc`,
    'jwt-type': 'rsa',
    'jwt-key-size': '256',
    'jwks-private': JSON.stringify({ keys }),
    'default-kid': 'k1',
    'jwks-show': true,
    'access-token-duration': accessTokenSeconds,
    'refresh-token-duration': 1_209_600,
    'code-duration': 600,
    'refresh-token-rolling': true,
    'refresh-token-one-use': 'always',
    'auth-type-code-enabled': true,
    'auth-type-code-revoke-replayed': true,
    'auth-type-client-enabled': true,
    'auth-type-refresh-enabled': true,
    'subject-type': 'public',
    'name-claim': 'on-demand',
    'name-claim-scope': ['profile'],
    'email-claim': 'on-demand',
    'email-claim-scope': ['email'],
    'scope-claim': 'no',
    'allowed-scope': ['openid', 'profile', 'email'],
    'address-claim': { type: 'no' },
    'pkce-allowed': true,
    'introspection-revocation-allowed': true,
    'introspection-revocation-auth-scope': ['introspect'],
    'introspection-revocation-allow-target-client': true,
    'session-management-allowed': true,
    'session-cookie-name': 'GLEWLWYD2_OIDC_SID',
    'session-cookie-expiration': 2_419_200,
    'front-channel-logout-allowed': true,
    'back-channel-logout-allowed': true,
    'oauth-as-iss-id': true,
    'client-cert-source': 'off',
  };
}

const isRoot = process.getuid?.() === 0;

/** Where Debian has a module of Apache. */
export const modulePath = (name) => `/usr/lib/apache2/modules/mod_${name}.so`;

/** nginx as a plain proxy, with its default limits. */
export function nginxText({ folder, port, upstreamPort, log }) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  return `worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${log};
${isRoot ? 'user root;' : ''}
events { worker_connections 1024; }
http {
  access_log ${log};
  ${temporary.join('\n  ')}
  proxy_http_version 1.1;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_set_header Connection ""; proxy_pass http://127.0.0.1:${upstreamPort}; }
  }
}
`;
}

const modules = [
  'mpm_event',
  'authn_core',
  'authz_core',
  'authz_user',
  'reqtimeout',
  'proxy',
  'proxy_http',
  'auth_openidc',
];

/** Apache with Debian's limits, with mod_auth_openidc loaded and everything open. */
export function apacheText({ folder, port, upstreamPort, log }) {
  const load = modules.map((name) => `LoadModule ${name}_module ${modulePath(name)}`);
  // Apache refuses to answer requests as root.
  const user = isRoot ? 'User www-data\nGroup www-data\n' : '';
  return `${load.join('\n')}
${user}ServerName 127.0.0.1
ServerRoot ${folder}
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
Mutex sem
ErrorLog ${log}
LogLevel warn
LogFormat "%h %l %u %t \\"%r\\" %>s %O" common
CustomLog ${log} common
RequestReadTimeout header=20-40,minrate=500
RequestReadTimeout body=10,minrate=500
OIDCProviderMetadataURL http://127.0.0.1:9/.well-known/openid-configuration
OIDCClientID app
OIDCClientSecret never-used
OIDCRedirectURI http://127.0.0.1:${port}/oauth2/callback
OIDCCryptoPassphrase ${'0123456789abcdef'.repeat(2)}
<Location />
  Require all granted
</Location>
ProxyPass / http://127.0.0.1:${upstreamPort}/
`;
}

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Child, startChild } from './child.ts';

/** Servers live in /usr/sbin, which is on root's PATH only. */
export const withServers = () => ({ PATH: `${process.env.PATH}:/usr/sbin` });

/** Writes files below a folder. @param files content by path */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Buffer>>,
  mode = 0o644,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content, { mode });
  }
}

interface NginxSettings {
  /** Where it writes everything. */
  folder: string;
  /** A port of 127.0.0.1 that it listens on. */
  port: number;
  /** What stands in `http`. */
  http: string;
}

/** Starts nginx: one process, everything in its own folder, nothing of the machine's configuration. */
export async function startNginxServer({ folder, port, http }: NginxSettings): Promise<Child> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const file = join(folder, 'main.conf');
  await writeFile(
    file,
    `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
${temporary.join('\n')}
access_log off;
${http}
}
`,
  );
  return startChild('nginx', ['-c', file, '-p', folder, '-e', 'stderr'], {
    env: withServers(),
    ready: port,
    install: 'apt-get install nginx-light',
  });
}

interface ApacheSettings {
  /** Where it writes everything. */
  folder: string;
  /** Debian's modules that it loads, beside the one of access. */
  modules: readonly string[];
  /** What stands behind what every Apache needs: `Listen` and the rest. */
  text: string;
  /** Debian's packages (`apache2`). */
  packages?: string;
}

/** Starts Apache with everything in its own folder, and nothing of the machine's configuration. */
export async function startApacheServer({
  folder,
  modules,
  text,
  packages = 'apache2',
}: ApacheSettings): Promise<Child> {
  const load = ['authz_core', ...modules].map(
    (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
  );
  // Apache refuses to answer requests as root.
  const user = process.getuid?.() === 0 ? 'User www-data\nGroup www-data\n' : '';
  const pid = join(folder, 'apache.pid');
  const file = join(folder, 'main.conf');
  await writeFile(
    file,
    `${load.join('\n')}
${user}ServerName 127.0.0.1
ServerRoot ${folder}
PidFile ${pid}
Mutex file:${folder}
ErrorLog ${folder}/error.log
LogLevel warn
${text}
`,
  );
  return startChild('apache2', ['-f', file, '-DFOREGROUND'], {
    env: withServers(),
    // Written when everything is open; the port accepts connections before that.
    ready: () => existsSync(pid),
    ownGroup: true,
    install: `apt-get install ${packages}`,
  });
}

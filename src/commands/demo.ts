import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import { styleText } from 'node:util';
import { parseConfig } from '../config/load.ts';
import { startGateway } from '../gateway.ts';
import { createLogger, type Logger } from '../observe/log.ts';
import { secret } from './secret.ts';

/** The running demo. */
export interface Demo {
  /** Where to go with a browser. */
  url: string;
  /** The embedded provider's issuer. */
  issuer: string;
  close(): Promise<void>;
}

/** The ports that the demo takes when they are free. */
const wantedPorts = { gateway: 4180, provider: 4185, application: 4186 };

/** Starts an embedded provider, a sample application, and the gateway between them, all on loopback. */
export async function startDemo({ log }: { log: Logger }): Promise<Demo> {
  const [{ createDemoProvider }, { createLegacyApp }, { demoPeople }, { freePort }] = await Promise.all([
    import('../demo/provider.ts'),
    import('../demo/legacy-app.ts'),
    import('../demo/people.ts'),
    import('../demo/free-port.ts'),
  ]);
  const ports = {
    gateway: await freePort(wantedPorts.gateway),
    provider: await freePort(wantedPorts.provider),
    application: await freePort(wantedPorts.application),
  };
  // Cookies ignore ports, so the provider goes by another name of this machine than the gateway.
  const url = `http://localhost:${ports.gateway}`;
  const issuer = `http://127.0.0.1:${ports.provider}`;
  const client = { clientId: 'reading-room', clientSecret: randomBytes(24).toString('base64url') };

  const application = await listenOn(createLegacyApp(), ports.application);
  const provider = await listenOn(
    await createDemoProvider({ issuer, gateway: url, people: demoPeople, ...client }),
    ports.provider,
  );
  const { config } = parseConfig(demoConfig(url, issuer, ports, client), { file: 'demo', env: {} });
  const gateway = await startGateway(config, { log });
  return {
    url,
    issuer,
    async close() {
      await gateway.close();
      for (const server of [provider, application]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

/** The file that somebody would write for this. */
function demoConfig(
  url: string,
  issuer: string,
  ports: typeof wantedPorts,
  { clientId, clientSecret }: { clientId: string; clientSecret: string },
): string {
  return `
publicUrl: ${url}
upstream: http://127.0.0.1:${ports.application}
provider:
  issuer: ${issuer}
  clientId: ${clientId}
  clientSecret: ${clientSecret}
  scopes: [openid, profile, email, groups]
headers:
  X-Forwarded-Name: "{claims.name}"
listen: 127.0.0.1:${ports.gateway}
admin: { listen: off }
session:
  secret: ${secret()}
`;
}

function listenOn(server: Server, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

/** `sallyport demo`: runs the demo until Ctrl-C. */
export async function demo(): Promise<void> {
  const isTerminal = process.stdout.isTTY === true && !process.env.NO_COLOR;
  const log = createLogger({ level: 'warn', pretty: process.stdout.isTTY === true });
  const running = await startDemo({ log });
  const { demoPeople, demoPassword } = await import('../demo/people.ts');
  const paint = (look: Parameters<typeof styleText>[0], text: string) =>
    isTerminal ? styleText(look, text) : text;
  const people = demoPeople.map(
    ({ login, name, groups }) =>
      `    ${paint('cyan', login.padEnd(8))} ${name.padEnd(18)} ${paint('dim', groups.join(', '))}`,
  );
  const lines = [
    '',
    `  ${paint('bold', 'The Sallyport demo is running.')}`,
    '',
    `  Open  ${paint(['bold', 'green'], `${running.url}/`)}`,
    '',
    `  and sign in as one of (password: ${demoPassword})`,
    ...people,
    '',
    `  The provider is at ${running.issuer}. Nothing is kept. ${paint('dim', 'Ctrl-C ends it.')}`,
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  stopOnSignal(running);
}

function stopOnSignal(running: Demo): void {
  let stopping = false;
  const stop = () => {
    // A second Ctrl-C is for a person who will not wait.
    if (stopping) process.exit(1);
    stopping = true;
    process.stdout.write('\n  Stopping …\n');
    running.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

import { randomBytes } from 'node:crypto';
import { systemClock, waitFor } from '../clock.ts';
import { parseConfig } from '../config/load.ts';
import type { Health } from '../estate/health.ts';
import { type Gateway, type GatewayNeeds, startGateway } from '../gateway.ts';
import { openObserve } from '../observe/open-observe.ts';
import { secret } from './secret.ts';

/** The running demo. */
export interface Demo {
  /** Where to go with a browser. */
  url: string;
  /** The embedded provider's issuer. */
  issuer: string;
  /** Where its status page is. */
  statusUrl: string;
  close(): Promise<void>;
}

export interface DemoPorts {
  gateway: number;
  provider: number;
  application: number;
}

/** Port 4181 is left to the admin endpoints of another gateway. */
const standardPorts: DemoPorts = { gateway: 4180, provider: 4185, application: 4186 };

/**
 * Starts an embedded provider, a sample application, and the gateway between them, all on loopback. Resolves
 * when people can sign in; rejects, with nothing left open, when a part of it cannot be started.
 * @param options.ports where it listens when they are free; elsewhere otherwise
 */
export async function startDemo({
  observe,
  ports = standardPorts,
}: {
  observe: GatewayNeeds['observe'];
  ports?: DemoPorts;
}): Promise<Demo> {
  const [{ startLegacyApp }, { onFreePort }] = await Promise.all([
    import('../demo/legacy-app/app.ts'),
    import('../demo/loopback.ts'),
  ]);
  const application = await onFreePort(ports.application, (port) => startLegacyApp(port, systemClock));
  try {
    const { url, issuer, gateway, provider } = await onFreePort(ports.gateway, (port) =>
      startGuard(port, ports.provider, application.url, observe),
    );
    return {
      url,
      issuer,
      statusUrl: `${gateway.adminUrl}/`,
      async close() {
        // The gateway waits for what is under way, and a clock in an open page never ends by itself.
        application.stopClock();
        await gateway.close();
        await Promise.all([provider.close(), application.close()]);
      },
    };
  } catch (error) {
    await application.close();
    throw error;
  }
}

/** The provider and the gateway: each of them has to know where the other one is. */
async function startGuard(
  port: number,
  providerPort: number,
  upstream: string,
  observe: GatewayNeeds['observe'],
) {
  const [{ startDemoProvider }, { demoPeople: people }, { onFreePort }] = await Promise.all([
    import('../demo/provider.ts'),
    import('../demo/people.ts'),
    import('../demo/loopback.ts'),
  ]);
  // Cookies ignore ports, so the gateway goes by another name of this machine than the provider.
  const url = `http://localhost:${port}`;
  const clientId = 'reading-room';
  const clientSecret = randomBytes(24).toString('base64url');
  const client = { clientId, clientSecret, origin: url };
  const provider = await onFreePort(providerPort, (own) => startDemoProvider(own, { client, people }));
  const issuer = provider.url;
  const text = `
publicUrl: ${url}
upstream: ${upstream}
routes:
  - path: /cellar
    upstream: ${upstream}
    allow: [{ groups: admins }]
provider:
  issuer: ${issuer}
  clientId: ${clientId}
  clientSecret: ${clientSecret}
  scopes: [openid, profile, email, groups]
headers:
  X-Forwarded-Name: "{claims.name}"
listen: 127.0.0.1:${port}
admin:
  listen: 127.0.0.1:0
# People read what it writes, and what it says to them is enough.
logging: { level: warn, format: pretty }
audit: off
session:
  secret: ${secret()}
`;
  let gateway: Gateway | undefined;
  try {
    gateway = await startGateway(parseConfig(text, { file: 'demo', env: {} }).config, { observe });
    await untilReady(gateway);
    return { url, issuer, gateway, provider };
  } catch (error) {
    await gateway?.close();
    await provider.close();
    throw error;
  }
}

const readyWithinMs = 10_000;
const askAgainMs = 20;

/** Waits until the gateway has found the provider, so that the first click does not come too early. */
async function untilReady({ adminUrl }: Gateway): Promise<void> {
  for (let waited = 0; waited < readyWithinMs; waited += askAgainMs) {
    const answer = await fetch(`${adminUrl}/readyz`);
    const { degraded } = (await answer.json()) as Health;
    if (answer.ok && degraded.length === 0) return;
    await waitFor(systemClock, askAgainMs);
  }
  throw new Error('The gateway of the demo did not find the provider of the demo.');
}

/** `sallyport demo`: runs the demo until SIGINT or SIGTERM. */
export async function demo(): Promise<void> {
  const observe = openObserve({ level: 'warn', pretty: true }, { clock: systemClock });
  const running = await startDemo({ observe });
  const [{ greeting }, { demoPeople: people }] = await Promise.all([
    import('../demo/greeting.ts'),
    import('../demo/people.ts'),
  ]);
  // NO_COLOR counts when it is not empty: https://no-color.org
  const colours = process.stdout.isTTY === true && !process.env.NO_COLOR;
  process.stdout.write(greeting({ ...running, people, colours }));
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

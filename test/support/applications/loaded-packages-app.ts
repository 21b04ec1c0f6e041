import { createRequire } from 'node:module';
import { startTestGateway } from '../gateway.ts';

/** Starts a gateway with a configuration, asks it something, and prints which files of OpenTelemetry were loaded by then. */
const upstream = 'http://127.0.0.1:9';
const config = {
  provider: { issuer: 'http://127.0.0.1:9' },
  routes: [{ path: '/', upstream, allow: 'public' }],
  ...(JSON.parse(process.argv[2] ?? '{}') as object),
};
const gateway = await startTestGateway({ config });
await (await fetch(gateway.url)).text();
await gateway.metrics();
await gateway.close();
const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) =>
  file.includes('@opentelemetry'),
);
process.stdout.write(JSON.stringify(loaded));
process.exit(0);

import type { ProviderKit } from './kit.ts';
import { tryProvider } from './run.ts';

// `npm run providers` runs this once for each provider, by the name of its file in `kits`.
const { kit } = (await import(`./kits/${process.env.PROVIDERS_KIT}.js`)) as { kit: ProviderKit };
const missing = await kit.prepare?.();
if (missing === undefined) tryProvider(kit);
else {
  console.log(`not here: ${missing}`);
  process.exitCode = 77;
}

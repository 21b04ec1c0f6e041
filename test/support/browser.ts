import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

export type { Browser } from 'playwright-core';

/** Where Debian puts it; another place can be named in CHROMIUM. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/**
 * Starts a headless Chromium of its own profile; the caller closes it.
 * @param more arguments of its command line
 */
export async function launchBrowser(more: readonly string[] = []): Promise<Browser> {
  if (!existsSync(executablePath)) {
    throw new Error(
      `There is no browser at ${executablePath}. Install it with "apt-get install chromium", or name another in the environment variable CHROMIUM.`,
    );
  }
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath,
    args: [
      // The sandbox of Chromium refuses to run as root, as in containers.
      ...(isRoot ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-quic',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
  });
}

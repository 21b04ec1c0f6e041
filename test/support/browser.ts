import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

export type { Browser } from 'playwright-core';

/** Where Debian puts it; another place can be named in CHROMIUM. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/**
 * Starts a headless Chromium of its own profile; the caller closes it.
 * @param http3 host and port that it asks by HTTP/3 alone, and the digest of the public key that it takes there
 */
export async function launchBrowser(http3?: { host: string; keyDigest: string }): Promise<Browser> {
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
      ...(http3
        ? [
            `--origin-to-force-quic-on=${http3.host}`,
            `--ignore-certificate-errors-spki-list=${http3.keyDigest}`,
          ]
        : ['--disable-quic']),
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

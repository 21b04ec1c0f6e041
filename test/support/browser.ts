import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

export type { Browser } from 'playwright-core';

/** Where Debian puts it; another place can be named in CHROMIUM. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/**
 * Starts a headless Chromium of its own profile; the caller closes it. Its contexts are those of private windows,
 * in which Chromium blocks the cookies of other sites.
 * @param more further options of its command line
 */
export async function launchBrowser(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: found(), args: switches(more) });
}

/**
 * Starts one with a profile as people have it, which takes the cookies of other sites or blocks them.
 * @param folder an empty one, for the profile
 */
export async function launchProfile(folder: string, otherSites: 'take' | 'block'): Promise<BrowserContext> {
  const isBlocked = otherSites === 'block';
  await mkdir(join(folder, 'Default'), { recursive: true });
  // 0 takes them, 1 blocks them.
  const profile = { cookie_controls_mode: isBlocked ? 1 : 0, block_third_party_cookies: isBlocked };
  await writeFile(join(folder, 'Default', 'Preferences'), JSON.stringify({ profile }));
  return chromium.launchPersistentContext(folder, {
    executablePath: found(),
    args: [...switches(), ...(isBlocked ? ['--test-third-party-cookie-phaseout'] : [])],
    ignoreHTTPSErrors: true,
  });
}

function found(): string {
  if (existsSync(executablePath)) return executablePath;
  throw new Error(
    `There is no browser at ${executablePath}. Install it with "apt-get install chromium", or name another in the environment variable CHROMIUM.`,
  );
}

function switches(more: readonly string[] = []): string[] {
  const isRoot = process.getuid?.() === 0;
  const isOnQuic = more.some((option) => option.startsWith('--origin-to-force-quic-on='));
  return [
    // The sandbox of Chromium refuses to run as root, as in containers.
    ...(isRoot ? ['--no-sandbox'] : []),
    '--disable-gpu',
    ...(isOnQuic ? [] : ['--disable-quic']),
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    ...more,
  ];
}

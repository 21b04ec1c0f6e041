import { setTimeout as wait } from 'node:timers/promises';
import type { BrowserContext, Page } from 'playwright-core';
import { until } from '../support/until.ts';
import type { SuiteApi } from './suite.ts';

/** What a person does for one module, in a browser of their own. */
export interface Flow {
  api: SuiteApi;
  /** Of the test at the suite. */
  id: string;
  /** Of the gateway. */
  url: string;
  /** A browser that has never been anywhere. */
  fresh(): Promise<BrowserContext>;
  /** Resolves when the gateway has found its provider, or does not for a while. */
  found(): Promise<void>;
  /** Resolves when the gateway says that it cannot. */
  notFound(): Promise<void>;
}

/** What came of it for them, in a few words. */
type Done = Promise<string>;

/** A page that leads nowhere has to be given up some time; at the suite, that is what many modules are about. */
const patienceMs = 20_000;

/** What is done for a module, by its name. */
export function flowOf(module: string): (flow: Flow) => Done {
  // The suite is content when its metadata were asked for.
  if (module === 'oidcc-client-test-discovery-openid-config') return nothing;
  if (module.includes('issuer-mismatch')) return refuseMetadata;
  if (module.includes('logout')) return signInAndOut;
  if (module.includes('3rd-party')) return goWhereTheSuiteSays;
  if (module === 'oidcc-client-test-signing-key-rotation') return signInTwice;
  if (module.includes('refresh-token')) return stayUntilRefreshed;
  return signIn;
}

async function nothing({ found }: Flow): Done {
  await found();
  await wait(1500);
  return 'nothing to do';
}

/** It would be asked for again and again, and more than one request is too many for these modules. */
async function refuseMetadata({ notFound }: Flow): Done {
  await notFound();
  return 'the metadata were refused';
}

async function signIn({ fresh, found, url }: Flow): Done {
  await found();
  const context = await fresh();
  return open(await context.newPage(), `${url}/`, url);
}

async function signInTwice(flow: Flow): Done {
  const first = await signIn(flow);
  return `${first}, then ${await signIn(flow)}`;
}

async function signInAndOut({ fresh, found, url }: Flow): Done {
  await found();
  const page = await (await fresh()).newPage();
  const signedIn = await open(page, `${url}/`, url);
  return `${signedIn}, then ${await open(page, `${url}/oauth2/sign_out`, url)}`;
}

interface Shown {
  browser?: { urls?: string[]; urlsWithMethod?: { url: string }[] };
}

async function goWhereTheSuiteSays({ api, id, fresh, found, url }: Flow): Done {
  await found();
  const address = await until('an address of the suite', async () => {
    await wait(300);
    const { browser } = await api.get<Shown>(`runner/${id}`);
    return browser?.urls?.[0] ?? browser?.urlsWithMethod?.[0]?.url;
  });
  await api.post(`runner/browser/${id}/visit`, { url: address });
  return open(await (await fresh()).newPage(), address, url);
}

/** The suite says how long its access tokens are good; they are replaced by a request shortly before. */
async function stayUntilRefreshed({ api, id, fresh, found, url }: Flow): Done {
  await found();
  const page = await (await fresh()).newPage();
  let last = await open(page, `${url}/`, url);
  for (let times = 0; times < 20 && last === 'signed in'; times++) {
    await wait(1000);
    const { status } = await api.get<{ status: string }>(`info/${id}`);
    if (status === 'FINISHED') break;
    // A login would ask for what the suite takes for a part of the refresh.
    const answer = await page.request.get(`${url}/`, { maxRedirects: 0 });
    if (answer.status() !== 200) last = `signed in, then ${answer.status()}`;
  }
  return last;
}

/** Goes to an address, and on wherever it leads, until the gateway shows something. */
async function open(page: Page, address: string, gateway: string): Done {
  const shown = page
    .waitForResponse(
      (response) =>
        response.request().isNavigationRequest() &&
        response.frame() === page.mainFrame() &&
        response.url().startsWith(`${gateway}/`) &&
        (response.status() < 300 || response.status() > 399),
      { timeout: patienceMs },
    )
    .then(
      (response) => response,
      () => undefined,
    );
  await page.goto(address, { waitUntil: 'commit', timeout: patienceMs }).catch(() => undefined);
  const response = await shown;
  if (!response) return `left at ${new URL(page.url()).pathname}`;
  const { 'x-sallyport-error': code, 'content-type': type = '' } = response.headers();
  if (code !== undefined) return `${response.status()} ${code}`;
  // The application answers with JSON.
  return type.startsWith('application/json') ? 'signed in' : 'a page of the gateway';
}

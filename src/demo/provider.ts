import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { readForm } from './form.ts';
import { type Served, serve } from './loopback.ts';
import { sendHtml } from './markup.ts';
import { type DemoPerson, demoPassword } from './people.ts';
import { type DemoClient, interactionPath, providerConfiguration } from './provider-configuration.ts';
import { errorPage, signInPage } from './sign-in-pages.ts';

export interface DemoProviderOptions {
  /** The one application that people sign in to. */
  client: DemoClient;
  people: readonly DemoPerson[];
}

const largestForm = 4096;

/**
 * Starts a real OpenID provider with a handful of people, all in memory; its URL is the issuer. Rejects when
 * the port is taken, and with a sentence that says what to install when the package is missing, as it is where
 * optional dependencies are left out.
 */
export async function startDemoProvider(
  port: number,
  { client, people }: DemoProviderOptions,
): Promise<Served> {
  const server = createServer();
  const served = await serve(server, port);
  try {
    const provider = await quietly(async () => {
      const OidcProvider = await loadProvider();
      return new OidcProvider(served.url, providerConfiguration(client, people));
    });
    const callback = provider.callback();
    server.on('request', (request, response) => {
      if (!request.url?.startsWith(interactionPath)) {
        callback(request, response);
        return;
      }
      answerInteraction(provider, people, request, response).catch(() => {
        const page = errorPage(
          'Too late',
          'This sign-in is over. Go back to the application and start again.',
        );
        sendHtml(response, 400, page);
      });
    });
    return served;
  } catch (error) {
    await served.close();
    throw error;
  }
}

async function loadProvider(): Promise<typeof Provider> {
  try {
    return (await import('oidc-provider')).default;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('The demo needs the package oidc-provider. Install it: npm install oidc-provider@9', {
      cause: error,
    });
  }
}

/** The provider advises about production use at every start, which this is not. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { info, warn } = console;
  console.info = () => {};
  console.warn = () => {};
  try {
    return await work();
  } finally {
    Object.assign(console, { info, warn });
  }
}

async function answerInteraction(
  provider: Provider,
  people: readonly DemoPerson[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt } = await provider.interactionDetails(request, response);
  if (prompt.name === 'consent') {
    // Asked for by prompt=consent; everything is granted anyway.
    await provider.interactionFinished(request, response, { consent: {} }, { mergeWithLastSubmission: true });
    return;
  }
  if (request.method !== 'POST') {
    sendHtml(response, 200, signInPage(people));
    return;
  }
  const form = await readForm(request, largestForm);
  const login = form.get('login')?.trim().toLowerCase() ?? '';
  const isRight = people.some((person) => person.login === login) && form.get('password') === demoPassword;
  if (isRight) await provider.interactionFinished(request, response, { login: { accountId: login } });
  else sendHtml(response, 422, signInPage(people, login));
}

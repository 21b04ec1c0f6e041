import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type OAuthClientProvider, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { decodeJwt } from 'jose';
import { test } from 'tap';
import { z } from 'zod';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { submitForm } from '../support/log-in.ts';
import { startIssuer } from './scene.ts';

/** An MCP server that knows nothing of authorization: who asks, it reads from the headers of the gateway. */
async function startMcpServer(t: Teardown): Promise<{ url: string }> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const known = sessions.get(String(request.headers['mcp-session-id']));
    if (known) return known.handleRequest(request, response);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => {
        sessions.set(id, transport);
      },
    });
    const server = new McpServer({ name: 'files', version: '1.0.0' });
    const inputSchema = { path: z.string() };
    server.registerTool(
      'read',
      { inputSchema },
      async ({ path }, { requestInfo, sendNotification, _meta }) => {
        const progress = { progressToken: _meta?.progressToken ?? '', progress: 1, message: 'half way' };
        await sendNotification({ method: 'notifications/progress', params: progress });
        const user = requestInfo?.headers['x-forwarded-user'];
        return { content: [{ type: 'text', text: `${path} for ${String(user)}` }] };
      },
    );
    // The types of the package do not agree with each other under exactOptionalPropertyTypes.
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    return transport.handleRequest(request, response);
  };
  const listening = await listenOnLoopback(
    createServer((request, response) => {
      handle(request, response).catch(() => response.destroy());
    }),
  );
  t.teardown(() => listening.close());
  return listening;
}

/** What an MCP client keeps; where the person has to sign in, it only notes. */
function memory(redirectUrl: string): OAuthClientProvider & { asked: URL[] } {
  let client: OAuthClientInformationMixed | undefined;
  let tokens: OAuthTokens | undefined;
  let verifier = '';
  return {
    asked: [],
    redirectUrl,
    clientMetadata: {
      client_name: 'inspector',
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    clientInformation: () => client,
    saveClientInformation: (given) => {
      client = given;
    },
    tokens: () => tokens,
    saveTokens: (given) => {
      tokens = given;
    },
    redirectToAuthorization(url) {
      this.asked.push(url);
    },
    saveCodeVerifier: (given) => {
      verifier = given;
    },
    codeVerifier: () => verifier,
  };
}

test('an MCP client finds its way through the gateway: 401, metadata, login with PKCE, and a tool', async (t) => {
  const provider = await startIssuer({
    configuration: {
      features: { registration: { enabled: true } },
      clientDefaults: { id_token_signed_response_alg: 'RS256' },
    },
  });
  t.teardown(() => provider.stop());
  const server = await startMcpServer(t);
  const origin = `http://127.0.0.1:${await freePort()}`;
  const resource = `${origin}/mcp`;
  const { gateway } = await arrangeGateway(t, {
    config: {
      publicUrl: origin,
      listen: new URL(origin).host,
      provider: undefined,
      bearer: [{ issuer: provider.issuer }],
      routes: [
        {
          path: '/mcp',
          upstream: server.url,
          resource: { identifier: resource, scopes: ['files:read', 'files:write'] },
          allow: [{ scope: 'files:read' }],
          headers: { Authorization: null },
        },
      ],
    },
  });

  const person = createClient();
  t.teardown(() => person.close());
  const returned = await arrangeUpstream(t);
  const state = memory(`${returned.url}/callback`);
  const connect = async () => {
    const transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider: state });
    const client = new Client({ name: 'inspector', version: '1.0.0' });
    await client.connect(transport as Parameters<typeof client.connect>[0]).catch(async (error) => {
      // Who is refused finishes on the same transport.
      if (!(error instanceof UnauthorizedError)) throw error;
      const page = await person.navigate(String(state.asked.at(-1)), { follow: 5 });
      const last = await submitForm(person, page, { login: 'ada' });
      await transport.finishAuth(new URL(last.url).searchParams.get('code') ?? '');
      throw error;
    });
    return client;
  };

  await t.rejects(connect(), { message: 'Unauthorized' });
  const [asked] = state.asked;
  t.equal(asked?.searchParams.get('resource'), resource);
  t.equal(asked?.searchParams.get('code_challenge_method'), 'S256');
  t.match(asked?.searchParams.get('scope'), /files:read/, 'the scope of the challenge');
  t.notMatch(asked?.searchParams.get('scope'), /files:write/, 'and no other');
  const { aud, scope } = decodeJwt(String((await state.tokens())?.access_token));
  t.equal(aud, resource);
  t.equal(scope, 'files:read');

  const client = await connect();
  t.teardown(() => client.close());
  const { tools } = await client.listTools();
  t.strictSame(
    tools.map(({ name }) => name),
    ['read'],
  );
  const notes: unknown[] = [];
  const answer = await client.callTool({ name: 'read', arguments: { path: '/etc/motd' } }, undefined, {
    onprogress: (progress) => notes.push(progress),
  });
  t.match(notes, [{ progress: 1, message: 'half way' }], 'which came as a stream');
  t.match(answer.content, [{ type: 'text', text: '/etc/motd for ada' }]);
  t.equal(state.asked.length, 1, 'one login');
  t.ok(gateway.log.lines.some(({ subject, route }) => subject === 'ada' && route === '/mcp'));
  t.ok(
    gateway.log.lines.some(({ path }) => path === '/.well-known/oauth-protected-resource/mcp'),
    'the metadata was read',
  );
});

import { test } from 'tap';
import { checkTree, type SourceTree } from './check-tree.ts';

const allowed: SourceTree = {
  'main.ts': "import { serve } from './commands/serve.ts';\nawait import('./commands/demo.ts');\n",
  'commands/serve.ts': "import { start } from '../gateway.ts';\n",
  'commands/demo.ts': "const { demo } = await import('../demo/run.ts');\n",
  'gateway.ts': "import { match } from './routes/table.ts';\nimport fastify from 'fastify';\n",
  'routes/table.ts':
    "import type { Config } from '../config/schema.ts';\nimport { fail } from '../errors.ts';\nimport { a } from './path.ts';\n",
  'routes/path.ts': 'export const a = 1;\n',
  'routes/asked.ts': "import type { Verdict } from '../access/decide.ts';\n",
  'plan/plan.ts': "import { compile } from '../config/load.ts';\n",
  'estate/estate.ts': "import type { Plan } from '../plan/plan.ts';\n",
  'access/decide.ts':
    "import type { Config } from '../config/schema.ts';\nimport { fail } from '../errors.ts';\n",
  'identity/endpoints.ts': "import { start } from './login/start.ts';\n",
  'identity/login/start.ts':
    "import { ask } from '../provider/ask.ts';\nimport { back } from '../browser/back.ts';\n",
  'identity/browser/back.ts': "import { read } from '../tokens/read.ts';\n",
  'identity/provider/ask.ts': "import { read } from '../tokens/read.ts';\n",
  'session/open-sessions.ts': "import { create } from './sessions.ts';\n",
  'session/refresh/refresh.ts':
    "import { table } from '../shared/table.ts';\nimport { seal } from '../seal.ts';\n",
  'session/shared/table.ts': "import { seal } from '../seal.ts';\n",
  'demo/run.ts': "import { fail } from '../errors.ts';\n",
  'listen/inbound.ts': "import type { Duplex } from 'node:stream';\n",
  'listen/server.ts': "import { createServer, type IncomingMessage } from 'node:http';\n",
  'demo/app.ts': "import { createServer } from 'node:http';\n",
  'forward/upload.ts': "import type { Inbound } from '../listen/inbound.ts';\n",
  'forward/send-handshake.ts': "import { request } from 'node:https';\n",
  'errors.ts': "import { inspect } from 'node:util';\nimport { say } from './pages/texts/text.ts';\n",
  'pages/answer.ts': "import { say } from './texts/text.ts';\n",
  'pages/texts/text.ts': "import type { en } from './en.ts';\n",
};

test('imports that point down, types of the configuration and leaves are allowed', async (t) => {
  t.same(await checkTree(t, 'check-imports', allowed), { status: 0, found: [] });
});

const forbidden: [what: string, file: string, text: string, message: string][] = [
  [
    'an import that points up',
    'forward/transfer.ts',
    "\nimport { signIn } from '../identity/login.ts';\n",
    'src/forward/transfer.ts:2 imports ../identity/login.ts',
  ],
  [
    'a type import that points up',
    'forward/transfer.ts',
    "import type { BrowserRequest } from '../identity/visit.ts';\n",
    'forward never imports identity',
  ],
  [
    'a type within a type that points up',
    'pages/answer.ts',
    "export type Way = import('../forward/way.ts').Way;\n",
    'forward is above pages',
  ],
  [
    'a type of what stands above the decision',
    'access/decide.ts',
    "import type { Route } from '../routes/table.ts';\n",
    'routes is above access',
  ],
  [
    'the session in the transfer',
    'forward/transfer.ts',
    "import type { Session } from '../session/session.ts';\n",
    'forward never imports session',
  ],
  [
    'what outlives a plan in the plan',
    'plan/plan.ts',
    "import type { Estate } from '../estate/estate.ts';\n",
    'estate is above plan',
  ],
  [
    'a value in the routes',
    'routes/path.ts',
    "import { page } from '../pages/html.ts';\n",
    'routes imports nothing but types',
  ],
  [
    'the login in the provider',
    'identity/provider/ask.ts',
    "import type { Claims } from '../login/claims.ts';\n",
    'identity/login is above identity/provider',
  ],
  [
    'what stands above all in the claims',
    'identity/claims/pick.ts',
    "import { person } from '../person.ts';\n",
    'the rest of identity is above identity/claims',
  ],
  [
    'the refresh in what processes share',
    'session/shared/table.ts',
    "import type { Grant } from '../refresh.ts';\n",
    'session/refresh is above session/shared',
  ],
  [
    'a store in the seal',
    'session/seal.ts',
    "import type { Store } from './stores/store.ts';\n",
    'session/stores is above the rest of session',
  ],
  [
    'a value of the configuration below it',
    'session/seal.ts',
    "import {\n  a,\n  b,\n} from '../config/load.ts';\n",
    'config is above session',
  ],
  [
    'an import for its side effects',
    'session/seal.ts',
    "import '../listen/server.ts';\n",
    'listen is above session',
  ],
  ['a re-export', 'session/seal.ts', "export * from '../listen/server.ts';\n", 'listen is above session'],
  [
    'a dynamic import that points up',
    'session/seal.ts',
    "const server = await import('../listen/server.ts');\n",
    'listen is above session',
  ],
  [
    'a value in the decision',
    'access/decide.ts',
    "import { page } from '../pages/html.ts';\n",
    'access imports nothing but types',
  ],
  [
    'a command used by another part',
    'gateway.ts',
    "import { serve } from './commands/serve.ts';\n",
    'only main imports commands',
  ],
  [
    'the demo loaded with everything else',
    'commands/demo.ts',
    "import { demo } from '../demo/run.ts';\n",
    'and that dynamically',
  ],
  [
    'the demo used elsewhere',
    'gateway.ts',
    "await import('./demo/run.ts');\n",
    'only commands/demo.ts imports demo',
  ],
  ['a leaf that imports', 'errors.ts', "import { a } from './routes/path.ts';\n", 'errors is a leaf'],
  [
    'texts that know an error',
    'pages/texts/text.ts',
    "import type { ErrorCode } from '../../errors.ts';\n",
    'pages/texts is a leaf',
  ],
  [
    'texts that know a page',
    'pages/texts/text.ts',
    "import type { Page } from '../html.ts';\n",
    'pages/texts is a leaf',
  ],
  ['another page in a leaf', 'errors.ts', "import { a } from './pages/answer.ts';\n", 'errors is a leaf'],
  ['a way out of src', 'gateway.ts', "import { a } from '../test/support/a.ts';\n", 'nothing outside of src'],
  [
    'a value of what listeners give',
    'forward/transfer.ts',
    "import { statusOf } from '../listen/inbound.ts';\n",
    'listen is above forward',
  ],
  [
    'a type of another file of the listeners',
    'forward/transfer.ts',
    "import type { Peer } from '../listen/peer.ts';\n",
    'listen is above forward',
  ],
  [
    "a type of Node's HTTP behind the listeners",
    'forward/transfer.ts',
    "\nimport type { IncomingMessage } from 'node:http';\n",
    'src/forward/transfer.ts:2 imports node:http: only listen speaks HTTP',
  ],
  [
    "a type within a type of Node's HTTP",
    'routes/path.ts',
    "export type Headers = import('node:http').IncomingHttpHeaders;\n",
    'imports node:http',
  ],
  [
    'a client by HTTPS elsewhere',
    'session/seal.ts',
    "import { request } from 'https';\n",
    'imports https: only listen speaks HTTP',
  ],
  [
    'another protocol that is loaded when it is needed',
    'gateway.ts',
    "await import('node:http2');\n",
    'imports node:http2',
  ],
  [
    'a folder that the order does not know',
    'gateway.ts',
    "import { a } from './helpers/a.ts';\n",
    'helpers has no place',
  ],
];

for (const [what, file, text, message] of forbidden) {
  test(`found and refused: ${what}`, async (t) => {
    const { status, found } = await checkTree(t, 'check-imports', { ...allowed, [file]: text });
    t.equal(status, 1);
    t.equal(found.length, 1);
    t.match(found[0], message);
  });
}

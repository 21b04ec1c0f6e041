import { test } from 'tap';
import { checkTree } from './check-tree.ts';

test('the log is written where the sinks are; elsewhere there are events, and the words of commands', async (t) => {
  const files = {
    'observe/sinks/log.ts':
      "import { pino } from 'pino';\nconst log = pino();\nlog.info('x');\nconsole.log('x');\nprocess.stdout.write('x');\n",
    'observe/sinks/index.ts': "import { log } from './log.ts';\n",
    'gateway.ts': "import { openObserve } from './observe/open-observe.ts';\nopenObserve();\n",
    'listen/server.ts':
      "import type { Emit } from '../observe/events.ts';\nimport { describeError } from '../observe/scrub.ts';\nconst size = Math.log(8);\nfastify({ logger: false });\nconst text = 'log.info';\nconst logout = 1, catalog = 2, login = 3;\n",
    'commands/check.ts': "console.log('ok');\nprocess.stderr.write('no');\n",
    'main.ts': "console.error('no');\n",
  };
  t.same(await checkTree(t, 'check-log', files), { status: 0, found: [] });
});

const forbidden: [what: string, text: string, message: string][] = [
  ['a line of the log', "log.info({}, 'x');", 'has log'],
  ['one through the needs', "needs.log.info({}, 'x');", 'has log'],
  ['one by another notation', "const { log: say } = needs;\nsay.info('x');", 'has log'],
  ['one of a private member', 'class A {\n  #log = 1;\n}', 'has #log|has log'],
  ['a logger as an argument', 'function open(logger) {}', 'has logger'],
  ['its type', 'let needs: { into: Logger };', 'has Logger'],
  ['another log of the kind', 'accessLog.write(1);', 'has accessLog'],
  ['a logger of a library', 'fastify({ logger: true });', 'has logger'],
  ['a sink', "import { openLog } from '../observe/sinks/log.ts';", 'imports observe/sinks/log.ts'],
  ['a part of the log', "import { openOutput } from '../observe/output.ts';", 'imports observe/output.ts'],
  ['a sink that is loaded later', "import('../observe/sinks/log.ts');", 'imports observe/sinks/log.ts'],
  ['the library', "import { pino } from 'pino';", 'imports pino'],
  ['the library, loaded later', "await import('pino-pretty');", 'imports pino-pretty'],
  ['the console', "console.warn('x');", 'writes to console'],
  ['standard error', "process.stderr.write('x');", 'writes to process.stderr'],
  ['standard output', "process['stdout'].write('x');", 'writes to process.stdout'],
];

for (const [what, text, message] of forbidden) {
  test(`found and refused: ${what}`, async (t) => {
    const { status, found } = await checkTree(t, 'check-log', { 'listen/server.ts': `\n${text}\n` });
    t.equal(status, 1);
    t.match(found[0], new RegExp(`^src/listen/server\\.ts:\\d+ (?:${message})`));
  });
}

import { ReplyError } from 'ioredis';
import { test } from 'tap';
import { faultOf } from '../../src/session/shared/redis-faults.ts';

const digest = '8426c8df41c64d8177dce3ecbbe9146ef3759cd2';
const refusals = {
  OOM: "OOM command not allowed when used memory > 'maxmemory'.",
  READONLY: "READONLY You can't write against a read only replica.",
  MISCONF:
    'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
  NOREPLICAS: 'NOREPLICAS Not enough good replicas to write.',
  NOPERM: "NOPERM The user executing the script can't run this command or subcommand",
  WRONGTYPE: 'WRONGTYPE Operation against a key holding the wrong kind of value',
};
const concerns: Record<string, string> = {
  OOM: 'writes',
  READONLY: 'all',
  MISCONF: 'writes',
  NOREPLICAS: 'writes',
  NOPERM: 'command',
  WRONGTYPE: 'command',
};
/** How the versions say it, as a client gets it. */
const wordings: Record<string, (said: string) => string> = {
  'a command': (said) => said,
  'a script, version 7': (said) => `${said} script: ${digest}, on @user_script:3.`,
  'a script, versions 5 and 6': (said) =>
    `ERR Error running script (call to f_${digest}): @user_script:3: @user_script: 3: -${said}   `,
  'a script, an error of a command, versions 5 and 6': (said) =>
    `ERR Error running script (call to f_${digest}): @user_script:3: ${said}`,
  'a transaction, version 7': (said) => `EXECABORT Transaction discarded because of: ${said}`,
};

for (const [how, word] of Object.entries(wordings)) {
  test(`a refusal is known by what it is, by the words of ${how}`, async (t) => {
    for (const [name, said] of Object.entries(refusals))
      t.match(faultOf(new ReplyError(word(said))), { name, concerns: concerns[name] }, said);
  });
}

test('what is wrong with a script, or a transaction, itself is about the command', async (t) => {
  for (const [name, reply] of [
    [
      'ERR',
      `ERR Error running script (call to f_${digest}): @user_script:3: user_script:3: attempt to index a nil value`,
    ],
    ['ERR', 'ERR Error compiling script (new function): user_script:1: unexpected symbol'],
    ['NOSCRIPT', 'NOSCRIPT No matching script. Please use EVAL.'],
    ['EXECABORT', 'EXECABORT Transaction discarded because of previous errors.'],
  ] as const)
    t.match(faultOf(new ReplyError(reply)), { name, concerns: 'command' }, reply);
});

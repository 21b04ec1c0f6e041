#!/usr/bin/env node
import { Command } from 'commander';
import type { ExplainOptions } from './commands/explain.ts';
import type { ReloadOptions } from './commands/reload.ts';
import type { SessionsOptions } from './commands/sessions.ts';
import type { StatusOptions } from './commands/status.ts';
import { ConfigError, exitCodeConfig } from './config/problems.ts';
import { version } from './version.ts';

const program = new Command('sallyport')
  .description('An authenticating reverse proxy in front of any web application.')
  .version(version);

const configOption = ['-c, --config <file>', 'the configuration file (YAML or JSON)'] as const;

program
  .command('serve', { isDefault: true })
  .description('run the gateway')
  .option(...configOption)
  .allowExcessArguments()
  .action(async (options: { config?: string }, { args }: Command) => {
    if (args.length > 0) {
      const { extraWords } = await import('./commands/usage.ts');
      const commands = program.commands.map((command) => command.name());
      return program.error(extraWords(args, commands));
    }
    // Whoever has just started it may ask for a reload: nothing was read yet, and it must not end by that.
    process.on('SIGHUP', () => {});
    await (await import('./commands/serve.ts')).serve(options);
  });

program
  .command('demo')
  .description('run an embedded provider, a sample application and the gateway between them')
  .action(async () => (await import('./commands/demo.ts')).demo());

program
  .command('check')
  .description('validate a configuration and try what it names')
  .option(...configOption)
  .option('--offline', 'validate only, and connect to nothing')
  .action(async (options: { config?: string; offline?: boolean }) => {
    process.exitCode = await (await import('./commands/check.ts')).check(options);
  });

program
  .command('explain')
  .description('say which route takes a request, who may pass, and which headers go along')
  .argument('<method>', 'such as GET')
  .argument('<url>', 'an address as browsers see it, or a path')
  .option(...configOption)
  .option('--as <claims.json>', 'the claims of somebody who is signed in, as a JSON file')
  .option('--bearer', 'the claims are of an access token that a client brings')
  .option('--from <address>', 'the address of the client', '127.0.0.1')
  .option(
    '--header <line>',
    "a header of the request, such as 'Accept: text/html'; may be repeated",
    (line: string, before: string[]) => [...before, line],
    [],
  )
  .action(async (method: string, url: string, options: ExplainOptions) =>
    console.log((await import('./commands/explain.ts')).explain(method, url, options)),
  );

/** The options of every command that asks a gateway that runs. */
function asksGateway(command: Command): Command {
  return command
    .option(...configOption)
    .option('--admin <url>', 'its admin listener: http://host:port, or unix:/path')
    .option('--token-file <file>', 'a file with admin.token')
    .option('--json', 'print the answer as JSON');
}

asksGateway(program.command('status'))
  .description('say how a gateway that runs stands')
  .option('--health', 'one line, and exit code 0 or 1, for the health checks of containers')
  .action(async (options: StatusOptions) => {
    process.exitCode = await (await import('./commands/status.ts')).status(options);
  });

asksGateway(program.command('reload'))
  .description('have a gateway that runs read its configuration again')
  .option('--dry-run', 'only say what would change')
  .action(async (options: ReloadOptions) => {
    process.exitCode = await (await import('./commands/reload.ts')).reload(options);
  });

const sessions = program.command('sessions').description('the sessions of people at a gateway that runs');

asksGateway(sessions.command('list'))
  .description('print the sessions of somebody')
  .argument('<user>', 'a subject, a user name, or an email address')
  .action(async (user: string, options: SessionsOptions) => {
    process.exitCode = await (await import('./commands/sessions.ts')).listSessions(user, options);
  });

asksGateway(sessions.command('end'))
  .description('end the sessions of somebody, or one session')
  .argument('[user]', 'a subject, a user name, or an email address')
  .option('--id <id>', 'of one session, as `sessions list` prints it')
  .action(async (user: string | undefined, options: SessionsOptions & { id?: string }) => {
    process.exitCode = await (await import('./commands/sessions.ts')).endSessions(user, options);
  });

program
  .command('schema')
  .description('print the JSON Schema of the configuration')
  .action(async () => console.log((await import('./commands/schema.ts')).schema()));

program
  .command('secret')
  .description('print a fresh session secret')
  .action(async () => console.log((await import('./commands/secret.ts')).secret()));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof ConfigError) {
    console.error(`The configuration cannot be used:\n${error.message}`);
    process.exit(exitCodeConfig);
  }
  const { startProblem } = await import('./commands/usage.ts');
  console.error(startProblem(error));
  process.exit(1);
}

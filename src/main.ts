#!/usr/bin/env node
import { Command } from 'commander';
import type { ExplainOptions } from './commands/explain.ts';
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
  .action(async (options: { config?: string }) => (await import('./commands/serve.ts')).serve(options));

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
  const { code, message } = error as NodeJS.ErrnoException;
  console.error(
    code === 'EADDRINUSE' ? `${message}. Another program uses this address.` : (error as Error).message,
  );
  process.exit(1);
}

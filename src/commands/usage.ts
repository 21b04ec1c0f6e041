import { nearest } from '../config/suggest.ts';

/**
 * What to say of words behind `serve`, or in the place of a command: `serve` is what runs when none is named, so that a
 * misspelt command comes here as well.
 * @param commands the names of all commands
 */
export function extraWords(words: readonly string[], commands: readonly string[]): string {
  const [word = ''] = words;
  if (/[./]/.test(word)) {
    return `error: a configuration file is named behind -c: sallyport serve -c ${word}`;
  }
  const near = nearest(word, commands);
  const meant = near === undefined ? '' : ` Did you mean ${near}?`;
  return `error: there is no command '${word}'.${meant} The commands are ${commands.join(', ')}; --help says what they do.`;
}

const advice: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'Another program uses this address: end it (`ss -ltnp` names it), or set `listen` (or `admin.listen`) to another one.',
  EACCES:
    'This user may not listen there: set `listen` to a port from 1024 on, or give the process CAP_NET_BIND_SERVICE; a Unix socket needs a folder that is there, and in which the user may write.',
  EADDRNOTAVAIL: 'This machine does not have the address: set `listen` to one that it has, such as 0.0.0.0.',
  ENOTFOUND: 'This machine does not know the name: set `listen` to an address, or see what its DNS says.',
};

/** Why a command ended, and what to do where an address could not be listened on. */
export function startProblem(error: unknown): string {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  const isAboutListening =
    syscall === 'listen' || syscall === 'bind' || code === 'EADDRINUSE' || syscall === 'getaddrinfo';
  const todo = code !== undefined && isAboutListening ? advice[code] : undefined;
  return todo === undefined ? message : `${message}. ${todo}`;
}

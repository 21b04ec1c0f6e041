import { asMap } from '../config/document.ts';
import { findFile } from '../config/find.ts';
import { interpolate, readSecretFile } from '../config/interpolate.ts';
import { type ListenAddress, parseListenAddress } from '../config/listen-address.ts';
import { openFiles, type ReadFile } from '../files.ts';
import { listenAddressText } from '../listen/address-text.ts';

export interface AdminOptions {
  /** The configuration file of the gateway. */
  config?: string | undefined;
  /** Where its admin listener is, in place of what the file says: `http://host:port`, or `unix:/path`. */
  admin?: string | undefined;
  /** A file with its token, in place of what the file says. */
  tokenFile?: string | undefined;
}

/** Where the admin listener of a gateway is. */
export interface FoundAdmin {
  address: ListenAddress;
  /** The token; undefined where there is none. Throws when it cannot be read: not all who ask need it. */
  token(): string | undefined;
}

/** The same as in the schema, which takes longer to load than the whole question. */
const standardAddress = '127.0.0.1:4181';

/**
 * Finds the admin listener as the gateway would: by the same file and the same environment. Nothing else of the file
 * is looked at, so that a health check needs no secret and is done at once. Throws with a sentence.
 */
export async function findAdmin(options: AdminOptions, env: NodeJS.ProcessEnv): Promise<FoundAdmin> {
  const { read } = openFiles();
  let known: Promise<Record<string, unknown>> | undefined;
  const inFile = () => {
    known ??= readAdminKeys(options.config, env, read);
    return known;
  };
  const configured = async (key: 'listen' | 'token') => {
    const name = `SALLYPORT_ADMIN_${key.toUpperCase()}`;
    const given = env[name] ?? fromFile(env[`${name}_FILE`], read);
    if (given !== undefined) return given;
    const value = (await inFile())[key];
    return value === undefined ? undefined : filled(key, value, env, read);
  };
  const written = options.admin ?? (await configured('listen')) ?? standardAddress;
  // Read later, it would be a promise: what it may fail at is kept until somebody asks for it.
  const token = await tokenOf(options, () => configured('token'), read);
  return { address: addressOf(written), token };
}

async function tokenOf(
  { admin, tokenFile }: AdminOptions,
  ofGateway: () => Promise<string | undefined>,
  read: ReadFile,
): Promise<() => string | undefined> {
  try {
    const value =
      tokenFile !== undefined
        ? fromFile(tokenFile, read)
        : admin === undefined
          ? await ofGateway()
          : undefined;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** What the file says of `admin`, as it stands there. */
async function readAdminKeys(
  named: string | undefined,
  env: NodeJS.ProcessEnv,
  read: ReadFile,
): Promise<Record<string, unknown>> {
  const { file, text } = findFile(named, env, read);
  if (file === undefined) return {};
  const { parseText } = await import('../config/parse.ts');
  return asMap(asMap(parseText(text, file).document).admin);
}

function filled(key: string, value: unknown, env: NodeJS.ProcessEnv, read: ReadFile): string {
  const { document, failures } = interpolate(value, { env, read });
  const [failure] = failures;
  if (failure) throw new Error(`admin.${key}: ${failure.message}`);
  return document === false ? 'off' : String(document);
}

function fromFile(path: string | undefined, read: ReadFile): string | undefined {
  if (path === undefined) return undefined;
  return readSecretFile(path, read, (message) => {
    throw new Error(message);
  });
}

function addressOf(written: string): ListenAddress {
  if (written === 'off') throw new Error('admin.listen is off: this gateway cannot be asked');
  const address = parseListenAddress(written.replace(/^http:\/\//, '').replace(/\/$/, ''));
  if (!address)
    throw new Error(`${written} is no address of an admin listener: http://host:port, or unix:/path`);
  if ('path' in address) return address;
  if (address.port === 0)
    throw new Error(
      'admin.listen has port 0: the log of the gateway says which one it got; name it with --admin',
    );
  return address;
}

/** The addresses that mean every interface are none to connect to. */
export function connectableAddress(address: ListenAddress): ListenAddress {
  if ('path' in address) return address;
  const own = { '0.0.0.0': '127.0.0.1', '::': '::1' }[address.host];
  return own === undefined ? address : { ...address, host: own };
}

/** For people to read. */
export const adminText = (address: ListenAddress): string =>
  'path' in address ? listenAddressText(address) : `http://${listenAddressText(address)}`;

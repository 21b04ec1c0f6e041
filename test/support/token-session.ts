import { randomBytes } from 'node:crypto';
import type { Session } from '../../src/session/session.ts';
import { bareSession } from './session.ts';
import { tokenSets } from './token-sets.ts';

/** A session as the gateway makes it of one of these sets. */
export function sessionWith(set: string, clientId = 'legacy-app'): Session {
  const make = tokenSets[set];
  if (!make) throw new Error(`there is no token set ${set}`);
  const now = 1795811226;
  const issuer = 'https://id.example.com/realms/main';
  const nonce = randomBytes(32).toString('base64url');
  const { expiresIn, ...tokens } = make({ issuer, clientId, nonce, now });
  const said = JSON.parse(Buffer.from(tokens.idToken.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;
  const paths = ['sub', 'preferred_username', 'email', 'name', 'groups', 'email_verified'];
  return bareSession({
    id: randomBytes(16).toString('base64url'),
    subject: String(said.sub),
    providerSessionId: typeof said.sid === 'string' ? said.sid : undefined,
    claims: Object.fromEntries(paths.filter((path) => path in said).map((path) => [path, said[path]])),
    ...tokens,
    accessTokenExpiresAt: now + expiresIn,
    refreshAt: now + expiresIn - 47,
    createdAt: now + 0.123,
    seenAt: now,
    expiresAt: now + 43_200,
  });
}

// What it costs to know whether a session was ended, in processor time: the first time that it is asked, and each time
// after that; and what opening its cookie costs beside it: `npm run build && node bench/sign-outs.mjs`.
import { randomBytes } from 'node:crypto';
import { identifyPeople } from '../dist/src/identity/claims/person.js';
import { createKeyRing } from '../dist/src/session/key-ring.js';
import { sessionRevocations } from '../dist/src/session/revocation-keys.js';
import { createRevocations } from '../dist/src/session/revocations.js';
import { openSession, sealSession } from '../dist/src/session/sealed-session.js';
import { median } from './statistics.mjs';

const ring = createKeyRing([randomBytes(32)]);
const list = createRevocations({ now: Date.now });
/** A thousand sign-outs of some kinds; nobody of those who are asked about is among them. */
function signOut(...kinds) {
  for (let each = 0; each < 1000; each++)
    list.add({
      key: `${kinds[each % kinds.length]}.${each}`,
      before: 1,
      until: Date.now() / 1000 + 3600,
      proven: true,
    });
}
const identify = identifyPeople({});
const revocations = sessionRevocations(list, { keys: ring.people, known: new Set(ring.people), identify });

const sessions = (count) =>
  Array.from({ length: count }, (_, at) => ({
    id: randomBytes(16).toString('base64url'),
    provider: 'main',
    subject: `subject-${at}`,
    providerSessionId: `sid-${at}`,
    claims: { preferred_username: `person${at}`, email: `Person${at}@Example.com` },
    fetchedClaims: [],
    accessToken: randomBytes(900).toString('base64url'),
    refreshToken: randomBytes(500).toString('base64url'),
    createdAt: 5,
    seenAt: 5,
    expiresAt: 10,
  }));

/** Nanoseconds of processor time for one of so many. */
function costOf(times, work) {
  const before = process.cpuUsage();
  for (let at = 0; at < times; at++) work(at);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / times) * 1000;
}

const kinds = {
  'sign-outs of browsers': ['session'],
  'of all kinds': ['session', 'sid', 'subject', 'person'],
};
for (const [name, added] of Object.entries(kinds)) {
  signOut(...added);
  const rounds = { 'the first time': [], 'each time after': [], 'opening a cookie': [] };
  for (let round = 0; round < 9; round++) {
    const all = sessions(5000);
    rounds['the first time'].push(costOf(all.length, (at) => revocations.isRevoked(all[at])));
    rounds['each time after'].push(costOf(1_000_000, () => revocations.isRevoked(all[0])));
    const sealed = all.map((session) => sealSession(2, session, ring.session[0], 'session', 's').sealed);
    const opening = (at) => openSession(sealed[at], ring.session, 'session', 's');
    rounds['opening a cookie'].push(costOf(all.length, opening));
  }
  const medians = Object.entries(rounds).map(([what, times]) => `${what} ${Math.round(median(times))} ns`);
  console.log(`${name}: ${medians.join(', ')}`);
}

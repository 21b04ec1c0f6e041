import type { ListenerEvent } from '../../events/listeners.ts';
import type { LinesOf } from './line.ts';

export const listenerLines = {
  'clients-exempt': {
    level: 'info',
    message: 'limits by client do not count everybody',
    fields: ['who'],
  },
  listening: { level: 'info', message: 'listening', fields: ['listen', 'admin', 'publicUrl'] },
  'listener-failed': {
    level: 'error',
    message: 'an address cannot be listened on',
    fields: ['listen', 'reason'],
  },
  'admin-port-taken': {
    level: 'warn',
    message: 'the standard port of the admin endpoints is taken; running without them (set admin.listen)',
    fields: ['port'],
  },
  'admin-call': {
    level: ({ status }) => (status === 401 || status === 403 || status === 421 ? 'warn' : 'info'),
    message: 'admin',
    fields: ({ client, method, path, status }) => ({ peer: client, method, path, status }),
  },
  'admin-call-failed': { level: 'error', message: 'an admin call failed', fields: ['path', 'reason'] },
  'silent-connection-closed': {
    level: 'info',
    message: 'a silent connection was closed',
    fields: ({ client, limit }) => ({ peer: client, limit }),
  },
  'pipelining-connection-closed': {
    level: 'info',
    message: 'a connection was closed: its client sends requests and does not wait for answers',
    fields: ({ client, waiting }) => ({ peer: client, waiting }),
  },
  'connections-turned-away': {
    level: 'warn',
    message: 'connections were turned away: the limit of open files is nearly reached (ulimit -n)',
    fields: ['dropped', 'connections', 'openFiles'],
  },
  'connections-limited': {
    level: 'warn',
    message: 'connections were closed: there were too many',
    fields: ({ limit, client, refused }) => ({ limit, peer: client, refused }),
  },
  'connections-left-open': {
    level: 'warn',
    message: 'connections were still open at the end of the grace period',
    fields: ['connections'],
  },
  'certificate-reloaded': { level: 'info', message: 'certificate reloaded', fields: ['cert'] },
  'certificate-unusable': {
    level: 'error',
    message: 'the new certificate cannot be used',
    fields: ['cert', 'reason'],
  },
  'certificate-expiring': {
    level: ({ standing }) => (standing === 'ending' ? 'warn' : 'error'),
    message: ({ standing }) => {
      if (standing === 'ended') return 'a certificate has ended: renew it';
      return standing === 'ending'
        ? 'a certificate ends soon: renew it'
        : 'a certificate is not valid yet: is the clock right?';
    },
    fields: ['key', 'cert', 'names', 'notBefore', 'notAfter', 'daysLeft'],
  },
} satisfies LinesOf<ListenerEvent>;

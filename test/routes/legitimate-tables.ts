import type { TableRoute } from '../attack/readers/tables.ts';

/** Route tables as sites have them, and below which path the paths of the list stand. */
export interface SiteTable {
  below: string;
  routes: TableRoute[];
}

const admins = [{ groups: 'admins' }];

export const siteTables: Readonly<Record<string, SiteTable>> = {
  'closed site with public assets': {
    below: '',
    routes: [
      { path: '/', allow: 'signed-in' },
      { path: '/assets', allow: 'public' },
      { path: '/static', allow: 'public' },
      { path: '/favicon.ico', allow: 'public' },
    ],
  },
  'public site with closed folders': {
    below: '',
    routes: [
      { path: '/', allow: 'public' },
      { path: '/admin', allow: admins },
      { path: '/account', allow: 'signed-in' },
      { path: '/wiki/internal', allow: 'signed-in' },
    ],
  },
  'applications by prefix': {
    below: '',
    routes: [
      { path: '/', allow: 'public' },
      { path: '/api', allow: 'signed-in' },
      { path: '/docs', allow: [{ groups: 'staff' }] },
      { path: '/files', allow: 'signed-in' },
      { path: '/rest', allow: [{ groups: 'staff' }] },
      { path: '/wiki', allow: 'signed-in' },
      { path: '/admin', allow: admins },
    ],
  },
  'API and single-page application': {
    below: '',
    routes: [
      { path: '/', allow: 'public' },
      { path: '/api', allow: 'signed-in' },
      { path: '/api/public', allow: 'public' },
      { path: '/api/v4/admin', allow: admins },
    ],
  },
  stripPrefix: {
    below: '/app',
    routes: [
      { path: '/', allow: 'public' },
      { path: '/app', allow: 'signed-in', stripPrefix: true },
      { path: '/app/admin', allow: admins, rewrite: '/admin' },
    ],
  },
};

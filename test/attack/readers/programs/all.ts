import type { Reader } from '../reader.ts';
import { apache } from './apache.ts';
import { caddy } from './caddy.ts';
import { haproxy } from './haproxy.ts';
import { lighttpd } from './lighttpd.ts';
import { nginx } from './nginx.ts';
import { node } from './node.ts';
import { phpFiles, phpRouter } from './php.ts';
import { python } from './python.ts';
import { tomcat } from './tomcat.ts';
import { webrick } from './webrick.ts';

/** The programs that read paths, each of which some application stands behind or on. */
export const readers: readonly Reader[] = [
  nginx,
  apache,
  caddy,
  haproxy,
  lighttpd,
  node,
  phpFiles,
  phpRouter,
  python,
  tomcat,
  webrick,
];

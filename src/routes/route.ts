import type { Config, RouteConfig } from '../config/schema/index.ts';

/** A route as requests use it. */
export interface Route extends RouteConfig {
  /** How logs name it: host and path, such as `app.example.com/api`. */
  label: string;
  /** Its place among the routes of its plan. */
  index: number;
}

/** What a table is made of; without `endpoints` and `paths` they are as they are by default. */
export type TableConfig = Pick<Config, 'routes'> & Partial<Pick<Config, 'endpoints' | 'paths'>>;

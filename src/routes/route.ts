import type { Access } from '../access/decide.ts';
import type { Config, RouteConfig } from '../config/schema/index.ts';

/** A route of the configuration, with its rule compiled. */
export interface RuledRoute extends RouteConfig {
  access: Access;
}

/** A route as requests use it. */
export interface Route extends RuledRoute {
  /** How logs name it: host and path, such as `app.example.com/api`. */
  label: string;
  /** Its place among the routes of its plan. */
  index: number;
  /** Where the metadata of its resource is (RFC 9728 §3.1); undefined where it is none. */
  resourceMetadata: string | undefined;
}

/** What a table is made of; without `endpoints` and `paths` they are as they are by default. */
export interface TableConfig extends Partial<Pick<Config, 'endpoints' | 'paths'>> {
  routes: RuledRoute[];
}

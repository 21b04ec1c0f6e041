/** The part of express-session that the sample application uses. */
declare module 'express-session' {
  import type { RequestHandler } from 'express';

  interface Options {
    secret: string;
    resave: boolean;
    saveUninitialized: boolean;
    name?: string;
  }

  function session(options: Options): RequestHandler;
  export = session;
}

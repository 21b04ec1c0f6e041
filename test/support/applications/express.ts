import { type Application, startProgram } from './application.ts';

/** Starts the express application with sessions of its own; see express-app.ts. */
export function startExpress(): Promise<Application> {
  return startProgram('./express-app.js');
}

import { type Application, startProgram } from './application.ts';

/** Starts the WebSocket application; see websocket-app.ts. */
export function startWebSocketEcho(): Promise<Application> {
  return startProgram('./websocket-app.js');
}

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { systemClock } from '../../src/clock.ts';
import type { Pipeline, PipelineNeeds } from '../../src/request/pipeline.ts';
import { endSilentBody } from '../../src/request/transports/ending.ts';
import { rememberEntries } from '../../src/request/transports/entry.ts';
import { openHttp } from '../../src/request/transports/http.ts';
import { openUpgrades } from '../../src/request/transports/upgrade.ts';
import type { Teardown } from '../support/arrange.ts';
import { unobserved } from '../support/observe.ts';

/** What has come in of requests under a pipeline, and what of them has ended. */
export interface Count {
  entered: number;
  left: number;
}

export const countIn = (count: Count) => () => {
  count.entered++;
  return () => {
    count.left++;
  };
};

/** An application in the place of a forwarder: it answers by what the path says, and holds what it is told to hold. */
export function application(held: ServerResponse[] = []): PipelineNeeds['forwarder'] {
  return {
    forward({ path, request }, { response }) {
      request.resume();
      if (path === '/held') held.push(response);
      else response.end(path);
      return { clientLeft: () => {} };
    },
    openTunnel({ path }, { socket, answered }) {
      const status = path === '/refused' ? 403 : 101;
      answered(status);
      if (status === 101) {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
        socket.pipe(socket);
      } else endSoon(socket);
    },
    identityHeaders: () => ['X-User', 'ada'],
  };
}

function endSoon(socket: Socket): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  socket.resume();
}

/** A server whose requests go to whatever pipeline is the current one by then. */
export async function serve(t: Teardown, current: () => Pipeline) {
  const needs = { entryOf: rememberEntries(current), emit: unobserved.emit, clock: systemClock };
  const app = await openHttp(needs, { tls: undefined, limits: { headerTime: 30_000, keepAlive: 60_000 } });
  openUpgrades(app.server, needs);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => {
    app.server.closeAllConnections();
    return app.close();
  });
  return { url, endSilent: (response: ServerResponse) => endSilentBody(needs, response) };
}

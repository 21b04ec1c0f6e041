import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import { readEarly } from '../../forward/early-bytes.ts';
import type { TunnelPassage } from '../../forward/forwarding.ts';
import { hasBody } from '../../forward/upload.ts';
import type { Inbound, Tunnel } from '../../listen/inbound.ts';
import type { UpgradeTaker } from '../../listen/upgrades.ts';
import type { Emit } from '../../observe/events.ts';
import { type Answer, withCookies } from '../../pages/answer.ts';
import { endExchange } from '../exchange.ts';
import { refusalOf } from '../logins.ts';
import type { Arrival, Outcome } from '../outcome.ts';
import type { Entry, EntryOf } from './entry.ts';

export interface UpgradeNeeds {
  /** The same as that of HTTP requests. */
  entryOf: EntryOf;
  emit: Emit;
  clock: Clock;
}

/** Takes WebSocket handshakes through the same stages as any request, and refuses CONNECT. */
export function openUpgrades({ entryOf, emit, clock }: UpgradeNeeds): UpgradeTaker {
  const handshakeOf = (tunnel: Tunnel) => createHandshake(entryOf(tunnel.request), tunnel, { emit, clock });
  return {
    isHandshake: (request) => isWebSocket(request) && !entryOf.isQuestion(request),
    take: (tunnel, head) => passHandshake(entryOf(tunnel.request), handshakeOf(tunnel), head),
    refuseConnect: (tunnel) => handshakeOf(tunnel).refuse(new GatewayError('method_not_allowed')),
  };
}

/**
 * Whether a request asks to become a WebSocket (RFC 6455 §4.1), and nothing else beside; HTTP/1.0 knows none. A
 * handshake has no body: who reads one, and who takes its bytes for those of the WebSocket, would disagree.
 */
function isWebSocket(request: Pick<Inbound, 'headers' | 'httpVersion' | 'method'>): boolean {
  const { headers, httpVersion, method } = request;
  const isAsked = method === 'GET' && headers.upgrade?.trim().toLowerCase() === 'websocket';
  return isAsked && httpVersion === '1.1' && !hasBody(request);
}

const upgrading: Arrival = { via: 'upgrade' };

function passHandshake(
  { pipeline, exchange }: Entry,
  { tunnel, answer, refuse, left, hasLeft, answered }: Handshake,
  head: Buffer,
): void {
  const early = readEarly(tunnel.stream, head, left);
  const render = (outcome: Outcome) => {
    // The client may have left while the session was looked up.
    if (hasLeft()) return;
    const taken = early.take();
    switch (outcome.kind) {
      case 'forward': {
        const { setCookies } = outcome.forwarding;
        const fail = (error: GatewayError) => refuse(error, setCookies);
        const passage: TunnelPassage = { bytesIn: 0, bytesOut: 0 };
        exchange.passage = passage;
        pipeline.openTunnel(outcome, { tunnel, head: taken, passage, answered, fail, left });
        break;
      }
      case 'login':
      case 'step-up':
        refuse(refusalOf(outcome));
        break;
      case 'answer':
        answer(outcome.answer);
        break;
      case 'refuse':
        refuse(outcome.error);
    }
  };
  Promise.resolve(pipeline.decide(exchange, upgrading))
    .then(render)
    .catch((error: unknown) => refuse(error));
}

/** A handshake on its way, with the ends that it may come to. */
interface Handshake {
  tunnel: Tunnel;
  /** Tells how it was answered. */
  answered(status: number): void;
  answer(own: Answer): void;
  /** Answers with an error; what was refreshed on the way is kept all the same. */
  refuse(error: unknown, setCookies?: readonly string[]): void;
  /** The client left before the answer. */
  left(): void;
  hasLeft(): boolean;
}

/** The request of a handshake ends with its stream, be it refused or a tunnel. */
function createHandshake(
  { pipeline, exchange }: Entry,
  tunnel: Tunnel,
  { emit, clock }: Pick<UpgradeNeeds, 'emit' | 'clock'>,
): Handshake {
  const { stream } = tunnel;
  let isGone = false;
  let isOpen = false;
  const durationMs = () => clock.monotonic() - exchange.startedAt;
  const closed = () => {
    if (isOpen) emit({ kind: 'websocket-closed', exchange, durationMs: durationMs() });
    endExchange(exchange);
  };
  if (stream.closed) closed();
  else stream.once('close', closed);
  const answered = (status: number) => {
    isOpen = status === 101;
    emit({ kind: 'request-finished', exchange, status, durationMs: durationMs() });
  };
  const answer = (own: Answer) => {
    pipeline.answered(exchange, Buffer.byteLength(own.body));
    answered(own.status);
    tunnel.answer(own);
  };
  return {
    tunnel,
    answered,
    answer,
    hasLeft: () => isGone,
    refuse: (error: unknown, setCookies: readonly string[] = []) =>
      answer(withCookies(pipeline.fail(exchange, error), setCookies)),
    left(): void {
      isGone = true;
      stream.destroy();
      emit({ kind: 'request-left', exchange, durationMs: durationMs() });
    },
  };
}

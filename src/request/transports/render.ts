import type { GatewayError } from '../../errors.ts';
import type { HttpClient } from '../../forward/forwarding.ts';
import type { Outbound } from '../../listen/inbound.ts';
import { writeAnswer } from '../../listen/write-answer.ts';
import { type Answer, withCookies } from '../../pages/answer.ts';
import type { Arrival, Forward, Outcome } from '../outcome.ts';
import type { Entry } from './entry.ts';

/**
 * Takes a request through its pipeline, and what comes of it to the client.
 * @param goOn called for a request that goes to its upstream; where there is none, that is a fault of the gateway
 */
export function pass(entry: Entry, response: Outbound, arrival: Arrival, goOn?: () => void): void {
  try {
    const outcome = entry.pipeline.decide(entry.exchange, arrival);
    if (!(outcome instanceof Promise)) render(entry, response, outcome, goOn);
    else {
      const rendering = outcome.then((ready) => render(entry, response, ready, goOn));
      rendering.catch((error: unknown) => fail(entry, response, error));
    }
  } catch (error) {
    fail(entry, response, error);
  }
}

function render(entry: Entry, response: Outbound, outcome: Outcome, goOn?: () => void): void {
  const { pipeline, exchange } = entry;
  switch (outcome.kind) {
    case 'forward':
      if (!goOn) throw new Error('a request that is answered here was to be forwarded');
      entry.admitted = outcome;
      goOn();
      break;
    case 'login':
    case 'step-up':
      pipeline
        .begin(exchange, outcome)
        .then((answer) => send(entry, response, answer))
        .catch((error: unknown) => fail(entry, response, error));
      break;
    case 'answer':
      send(entry, response, outcome.answer);
      break;
    case 'refuse':
      if (outcome.endsConnection) response.setHeader('connection', 'close');
      fail(entry, response, outcome.error);
  }
}

/** Begins the transfer of a request that was admitted. Nothing goes on for one that was not. */
export function transfer(entry: Entry, response: Outbound): void {
  const { pipeline, exchange, admitted } = entry;
  try {
    if (!admitted) throw new Error('a request came to its transfer without being admitted');
    // The client may have left while the session was looked up.
    if (!response.destroyed) {
      const passage = pipeline.forward(admitted, new Client(entry, response, admitted));
      exchange.upstreamRequest = passage;
      exchange.passage = passage;
    }
  } catch (error) {
    fail(entry, response, error);
  }
}

/** Answers with an error; a client that leaves breaks what is done for it, which is nobody's fault. */
export function fail(entry: Entry, response: Outbound, error: unknown): void {
  if (response.req.socket.destroyed) return;
  send(entry, response, entry.pipeline.fail(entry.exchange, error));
}

/** Sends an answer of the gateway itself. */
export function send({ pipeline, exchange }: Entry, response: Outbound, answer: Answer): void {
  const bytes = writeAnswer(response, answer);
  if (bytes !== undefined) pipeline.answered(exchange, bytes);
}

/** The client of a request that was handed to the forwarder. */
class Client implements HttpClient {
  readonly response: Outbound;
  readonly #entry: Entry;
  readonly #outcome: Forward;

  constructor(entry: Entry, response: Outbound, outcome: Forward) {
    this.response = response;
    this.#entry = entry;
    this.#outcome = outcome;
  }

  fail(error: unknown): void {
    const { pipeline, exchange } = this.#entry;
    this.#write(pipeline.fail(exchange, error));
  }

  broke(error: GatewayError): void {
    const { pipeline, exchange } = this.#entry;
    pipeline.broke(exchange, error);
  }

  challenged(rawHeaders: readonly (string | Buffer)[]): boolean {
    const { pipeline, exchange } = this.#entry;
    const step = pipeline.challenged(exchange, this.#outcome, rawHeaders);
    step?.then(
      (answer) => this.#write(answer),
      (error) => this.fail(error),
    );
    return step !== undefined;
  }

  /** What was refreshed on the way is kept, even where the application is out. */
  #write(answer: Answer): void {
    send(this.#entry, this.response, withCookies(answer, this.#outcome.forwarding.setCookies));
  }
}

import type { Clock } from '../../clock.ts';
import type { EndpointError } from './endpoint-error.ts';
import type { ProviderFetch, ProviderHttp } from './http.ts';

/** What does not work of a provider, or of an issuer of access tokens, for whoever looks after the gateway. */
export interface Trouble {
  /** A stable name that programs and runbooks go by. */
  reason: string;
  /** Its name in the configuration. */
  name: string;
  /** For people to read, without addresses. */
  detail: string;
}

/** Is told of each answer whether it takes the gateway as a client. */
export interface Heard {
  onRejected(error: EndpointError): void;
  onAccepted(): void;
}

/** What the last calls tell of somebody who is asked. It changes nothing of whether they are asked. */
export interface Standing {
  /** The connections, with what comes of each call noted. */
  watch(http: ProviderHttp): ProviderHttp;
  /** What is to be told of answers that take the gateway as a client, and of those that do not, which it passes on. */
  hear(report: (error: EndpointError) => void): Heard;
  /** Asks, unless it is known from a short while ago whether there is an answer. */
  look(ask: () => Promise<unknown>): void;
  /** Whether the last call had no answer, or one of a front whose server is out, and that was a short while ago. */
  isSilent(): boolean;
  isRejected(): boolean;
}

/** What was seen longer ago tells nothing any more: nobody may have asked since. */
const tellsForMs = 60_000;
/** Somebody who looks at the health has those asked of whom nothing was heard for so long; and while they are silent. */
const calmMs = 30_000;
const silentMs = 5000;
/** RFC 9110 §15.6.3 to §15.6.5: what stands in front of a server says so, where that one cannot be asked. */
const ofFronts: ReadonlySet<number> = new Set([502, 503, 504]);

export function createStanding({ monotonic }: Pick<Clock, 'monotonic'>): Standing {
  let silentAt: number | undefined;
  let isRejected = false;
  let lookedAt = monotonic();
  const heard = (isAnswer: boolean) => {
    lookedAt = monotonic();
    silentAt = isAnswer ? undefined : lookedAt;
  };
  const noted =
    (fetch: ProviderFetch): ProviderFetch =>
    async (url, options) => {
      try {
        const response = await fetch(url, options);
        heard(!ofFronts.has(response.status));
        return response;
      } catch (error) {
        heard(false);
        throw error;
      }
    };
  return {
    watch: (http) => ({ ...http, fetch: noted(http.fetch) }),
    hear: (report) => ({
      onRejected(error) {
        isRejected = true;
        report(error);
      },
      onAccepted() {
        isRejected = false;
      },
    }),
    look(ask) {
      if (monotonic() - lookedAt < (silentAt === undefined ? calmMs : silentMs)) return;
      lookedAt = monotonic();
      // What comes of it is noted as of any call.
      ask().catch(() => {});
    },
    isSilent: () => silentAt !== undefined && monotonic() - silentAt < tellsForMs,
    isRejected: () => isRejected,
  };
}

/** That somebody does not take the gateway as a client, where it is so. */
export function rejectionOf(name: string, standing: Standing): Trouble[] {
  if (!standing.isRejected()) return [];
  return [{ reason: 'client_rejected', name, detail: 'it does not accept the gateway as its client' }];
}

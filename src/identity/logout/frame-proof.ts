import type { Clock } from '../../clock.ts';
import type { HeaderFields } from '../../listen/inbound.ts';
import type { Answer } from '../../pages/answer.ts';
import { escapeHtml } from '../../pages/html.ts';
import type { KeyRing } from '../../session/key-ring.ts';
import { open, seal } from '../../session/seal.ts';
import type { Provider } from '../provider/provider.ts';

/** How long a browser may take to ask for the picture of a frame. */
const proofSeconds = 60;

/** What the picture of a frame proves: that the browser showed the frame, for this session. */
interface Proof {
  session: string;
  /** Seconds since the epoch. */
  since: number;
  /** The request for the frame was told of already. */
  isTold: boolean;
}

/**
 * Finds out whose frame a request comes from where the browser does not say. The answer is a page that may stand in
 * frames of the provider alone (`frame-ancestors`), with a picture whose address nobody else can know: a browser that
 * asks for the picture has shown the page, so that everything around the frame is the provider's.
 */
export interface FrameProofs {
  page(issuer: string, origins: readonly string[], proof: Omit<Proof, 'since'>): Answer;
  /** What a picture proves; undefined for an address that was not made here, or is too old. */
  read(proof: string): Proof | undefined;
}

export function createFrameProofs(ring: KeyRing, { now }: Pick<Clock, 'now'>): FrameProofs {
  return {
    page(issuer, origins, proof) {
      const sealed = seal(JSON.stringify({ ...proof, since: now() / 1000 }), ring, 'frame', purposeName);
      const picture = `?${new URLSearchParams({ iss: issuer, proof: sealed })}`;
      return {
        status: 200,
        headers: {
          ...frameHeaders(origins, "; img-src 'self'"),
          'content-type': 'text/html; charset=utf-8',
        },
        body: framePage(picture),
      };
    },
    read(proof) {
      const opened = open(proof, ring, 'frame', purposeName);
      const read = opened && (JSON.parse(opened.text) as Proof);
      return read && read.since + proofSeconds > now() / 1000 ? read : undefined;
    },
  };
}

const purposeName = 'front-channel';

/** A page without words. A frame has loaded when its pictures have: a page that waits for it waits for the sign-out. */
const framePage = (picture: string) =>
  `<!doctype html><title>-</title><img src="${escapeHtml(picture)}" alt="">`;

/** The headers of an answer that the provider shows in a frame. */
export function frameHeaders(origins: readonly string[], more = ''): Answer['headers'] {
  return {
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'content-security-policy': `default-src 'none'; frame-ancestors ${origins.join(' ')}${more}`,
  };
}

/** Where the pages of a provider are that may have such frames; the first is that of the issuer. */
export function originsOf({ client }: Pick<Provider, 'client'>): string[] {
  const { issuer, authorization_endpoint: login, end_session_endpoint: logout } = client.metadata();
  return [issuer, login, logout].flatMap((url) => (url === undefined ? [] : [new URL(url).origin]));
}

/**
 * Whose frame a request comes from, as far as the browser tells. A page that the person went to is none; what comes with
 * a referrer has to come from the provider; and what another site sends has to have one.
 * @param isTold whether browsers send Fetch Metadata to the gateway
 */
export function frameOf(
  origins: readonly string[],
  headers: HeaderFields,
  isTold: boolean,
): 'the provider' | 'not said' | 'another' {
  const { referer } = headers;
  const dest = headers['sec-fetch-dest'];
  const isFrame = dest === 'iframe' || dest === 'frame';
  if (dest !== undefined && !isFrame) return 'another';
  if (referer !== undefined)
    return URL.canParse(referer) && origins.includes(new URL(referer).origin) ? 'the provider' : 'another';
  // Where browsers send Fetch Metadata, whoever sends none is not a browser of today. Elsewhere it may be no frame at all, and
  // then nothing keeps the page from being shown.
  if (dest === undefined && headers['sec-fetch-site'] === undefined && isTold) return 'the provider';
  return isFrame && headers['sec-fetch-site'] !== 'cross-site' ? 'not said' : 'another';
}

/** Why the admin listener does not do what it is asked, as an answer (RFC 9457). */
export interface Problem {
  status: number;
  /** A stable name that programs go by. */
  code: string;
  /** What to do, for those who run the gateway. */
  detail: string;
  headers?: Readonly<Record<string, string>>;
  /** Further members of the answer. */
  more?: Readonly<Record<string, unknown>>;
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

/** The body of the answer. */
export const problemBody = ({ status, code, detail, more }: Problem): string =>
  JSON.stringify({ type: 'about:blank', title: titles[status] ?? 'Error', status, code, detail, ...more });

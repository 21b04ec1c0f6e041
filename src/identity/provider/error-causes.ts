const networkCodes =
  /^(UND_ERR_(?!RES_EXCEEDED)|E[A-Z]+$|OAUTH_TIMEOUT$|OAUTH_ABORT$|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED|ERR_TLS|ERR_SSL)/;

/** Whether an error says that there was no answer, or not a whole one. */
export const isNetworkError = (error: unknown): boolean => networkCodes.test(codeOf(error));

/** The code of an error, or of the cause that it wraps. */
export function codeOf(error: unknown): string {
  for (const current of causesOf(error)) {
    // A limit that passes while the body is read comes as a DOMException, which has numbers for codes.
    if (current.name === 'TimeoutError') return 'OAUTH_TIMEOUT';
    const { code } = current as NodeJS.ErrnoException;
    if (typeof code === 'string' && networkCodes.test(code)) return code;
  }
  return error instanceof Error ? String((error as NodeJS.ErrnoException).code ?? '') : '';
}

/** An error and the causes that it wraps, the outermost first; six at the most. */
export function* causesOf(error: unknown): Generator<Error> {
  let current = error;
  for (let depth = 0; current instanceof Error && depth < 6; depth++) {
    yield current;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
}

/**
 * The other side of a connection is asked whether it is still there (TCP keep-alive, RFC 9293 §3.8.4) when nothing
 * was heard of it for this long, in milliseconds. After ten seconds without an answer the system breaks it.
 */
export const probeAfterMs = 15_000;

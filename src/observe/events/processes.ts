export type ProcessEvent =
  /** The process begins. `config` is the file that was read, or `environment`. */
  | { kind: 'starting'; config: string; workers: number }
  /** Something in the configuration is allowed and yet likely a mistake, as a sentence. */
  | { kind: 'configuration-doubted'; warning: string }
  /** The configuration was read again and is in force. `by` says what asked for it. */
  | { kind: 'reloaded'; by: string; config: string }
  /** The configuration that was read cannot be used, for these problems; the one before stays in force. */
  | { kind: 'reload-refused'; by: string; problems: readonly string[] }
  /** Somebody asked for a reload, which the configuration turns off. */
  | { kind: 'reload-off'; by: string }
  /** Another configuration was adopted, and these of its keys need a start. */
  | { kind: 'keys-fixed'; keys: readonly string[] }
  /** Others are to take over: it is not ready any more, and goes on with what is open. */
  | { kind: 'draining' }
  | { kind: 'stopping'; signal: string }
  | { kind: 'stopped' }
  | { kind: 'stopping-failed'; reason: string }
  /** Something that no plan needs any more could not be closed. */
  | { kind: 'part-not-closed'; error: unknown }
  /** A worker was told to end by somebody else. */
  | { kind: 'worker-replaced'; pid: number | undefined }
  /** A worker does not answer any more. */
  | { kind: 'worker-stuck'; pid: number | undefined }
  /** A worker could not go on to the configuration in force, as the others did. */
  | { kind: 'worker-behind'; pid: number | undefined; error: unknown }
  /** A worker ended by itself. `pauseMs` is how long its successor waits. */
  | {
      kind: 'worker-ended';
      pid: number | undefined;
      code: number | null;
      signal: string | null;
      pauseMs: number;
    }
  /** A worker was asked to stop and is still there. */
  | { kind: 'worker-overdue'; pid: number | undefined }
  /** Nobody reads the output as fast as it is written. */
  | { kind: 'log-lines-dropped'; lines: number; reason: string }
  /** The audit cannot be written; its lines wait. Said again from time to time while that lasts. */
  | { kind: 'audit-not-written'; reason: string; waiting: number }
  /** It can be written again. `lost`: the lines for which there was no room meanwhile. */
  | { kind: 'audit-written'; reason: string; lost: number }
  /** Spans did not reach the collector, whose origin this is, and are lost. Said once until they do. */
  | { kind: 'traces-not-exported'; collector: string | undefined; error: unknown }
  /** They do again; so many were lost, those for which there was no room among them. */
  | { kind: 'traces-exported'; collector: string | undefined; lost: number }
  /** A sink threw. Said once for each sink, to the others. */
  | { kind: 'sink-failed'; sink: string; error: unknown };

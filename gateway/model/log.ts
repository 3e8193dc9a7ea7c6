/** Structured log. One line when a state changes, never one per failure. Fields never hold secrets. */
export interface Log {
  debug(fields: Record<string, unknown>, text: string): void;
  info(fields: Record<string, unknown>, text: string): void;
  warn(fields: Record<string, unknown>, text: string): void;
  error(fields: Record<string, unknown>, text: string): void;
  /** A log whose lines all carry these fields. */
  child(fields: Record<string, unknown>): Log;
}

/** Says nothing: for tests and one-shot commands. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};

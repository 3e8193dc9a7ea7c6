/** What went wrong, in the gateway's words where they are its own. `code` is stable. */
export class ClientError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, { hint, cause }: { hint?: string; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ClientError";
    this.code = code;
    this.hint = hint;
  }
}

/** As one line for people. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const hint: unknown = Reflect.get(error, "hint");
  return typeof hint === "string" ? `${error.message} (${hint})` : error.message;
}

/** Stable, also of an error of another copy of this class. */
export function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : "internal";
}

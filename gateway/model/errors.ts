export interface ErrorDetails {
  /** Stable, kebab-case, for scripts and documentation. */
  readonly code: string;
  /** What a person can do about it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Root of all errors that this project raises on purpose; anything else that is thrown is a bug of ours. */
export class GatewayError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  constructor(message: string, { code, hint, cause }: ErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = hint;
  }
}

/** Do not start this part: what was configured cannot work. */
export class ConfigError extends GatewayError {}

/** The link is gone: close, back off, reopen. */
export class LinkError extends GatewayError {}

/** This attempt failed (timeout, damaged frame): go on with the next poll. */
export class TransientError extends GatewayError {}

/** The device understood and said no: never retry a write. */
export class RefusedError extends GatewayError {}

/** The device does not have what was asked for: leave it out until reconnect. */
export class UnsupportedPointError extends GatewayError {}

/** The disk did not take it: what was promised durable is not. */
export class StorageError extends GatewayError {}

import { inspect } from "node:util";

const redacted = "[redacted]";

/**
 * A value that must not show up anywhere. Every way of turning it into text prints "[redacted]";
 * only `reveal()` opens it, at the one place that needs it.
 */
export class Secret {
  readonly #value: string;
  /** Where it came from, as written in gateway.yaml: `${file:/run/credentials/broker}`. Not secret. */
  readonly reference: string;

  constructor(value: string, reference: string) {
    this.#value = value;
    this.reference = reference;
  }

  reveal(): string {
    return this.#value;
  }

  /** Whether both open to the same text, without opening either to the caller. */
  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [Symbol.toPrimitive](): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}

import { GatewayError } from "../../model/errors.ts";

/** These bytes, or these values, are not what the schema describes. Never leaves `decode` and `encode`. */
export class PayloadError extends GatewayError {}

export function tooShort(name: string, needed: number, left: number): PayloadError {
  return new PayloadError(
    `${name}: ${needed} byte${needed === 1 ? "" : "s"} needed, ${Math.max(0, left)} left`,
    { code: "too-short" },
  );
}

export function badValue(message: string): PayloadError {
  return new PayloadError(message, { code: "bad-value" });
}

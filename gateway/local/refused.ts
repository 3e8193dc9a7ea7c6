import { GatewayError } from "../model/errors.ts";
import { ApiError } from "./errors.ts";

/** For `catch`: a refusal with one of these codes gets its HTTP status; anything else is thrown on as it is. */
export function refusedAs(statuses: Readonly<Record<string, number>>): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof GatewayError) || error instanceof ApiError) throw error;
    const status = Object.hasOwn(statuses, error.code) ? statuses[error.code] : undefined;
    if (status === undefined) throw error;
    throw new ApiError(status, error.code, error.message, { hint: error.hint });
  };
}

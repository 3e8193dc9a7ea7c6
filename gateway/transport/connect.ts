import type { Clock } from "../model/clock.ts";
import { openTcp } from "./tcp.ts";
import type { Connect } from "./transport.ts";

/** The real way to an endpoint. Serial code and its native part are loaded with the first serial port. */
export function connectBy(clock: Clock): Connect {
  return async (endpoint, signal) => {
    if (endpoint.kind === "tcp") return openTcp(endpoint, clock, signal);
    const { openSerial } = await import("./serial.ts");
    return openSerial(endpoint, clock, signal);
  };
}

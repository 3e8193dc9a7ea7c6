import { ValueError } from "../../codec/numbers.ts";
import {
  ConfigError,
  GatewayError,
  RefusedError,
  TransientError,
  UnsupportedPointError,
} from "../../model/errors.ts";
import type { DriverWrite } from "../protocol.ts";
import type { Request, WriteRequest } from "./pdu.ts";
import type { ModbusAddress, ModbusHead } from "./settings.ts";
import type { SunspecPlace } from "./sunspec-table.ts";
import type { PlacedRegisters } from "./sunspec-write.ts";
import { planWrite, writeRegisters } from "./write.ts";

/** One transaction with the unit that is written to: the reply's PDU. Rejects like `Client.request`. */
export type Ask = (request: Request) => Promise<Uint8Array>;

export interface Preparation {
  readonly ask: Ask;
  /** As of `Client`. */
  readonly knowsEcho: boolean;
  sunspec(place: SunspecPlace): Promise<PlacedRegisters>;
}

/**
 * Does all that has to be read before a write, so that one frame is left to be sent. Rejects with
 * ConfigError (it cannot be written there), RefusedError (the device refused what had to be read),
 * TransientError, LinkError: nothing was written.
 */
export async function prepareRequest(
  { address, raw }: DriverWrite<ModbusAddress>,
  head: ModbusHead,
  { ask, knowsEcho, sunspec }: Preparation,
): Promise<WriteRequest> {
  try {
    const functions = head.write?.functions ?? [];
    if (address.sunspec) {
      const { start, registers } = await sunspec(address.sunspec);
      return writeRegisters(start, registers, functions);
    }
    const plan = planWrite(address, head, raw);
    if ("read" in plan) return plan.write((await ask(plan.read)).subarray(2));
    if (!knowsEcho) await revealEcho(plan.request, ask);
    return plan.request;
  } catch (error) {
    throw unwritten(error);
  }
}

/** An answer, be it a refusal, shows whether the line gives our own bytes back. */
async function revealEcho(request: WriteRequest, ask: Ask): Promise<void> {
  const start = "start" in request ? request.start : request.address;
  const isCoil = request.function === 5 || request.function === 15;
  try {
    await ask({ function: isCoil ? 1 : 3, start, count: 1 });
  } catch (error) {
    // What can only be written says so, which tells as much.
    if (!(error instanceof UnsupportedPointError)) throw error;
  }
}

function unwritten(error: unknown): unknown {
  if (error instanceof RangeError)
    return new ConfigError(error.message, { code: "no-such-address", cause: error });
  if (!(error instanceof GatewayError)) return error;
  const details = { code: error.code, hint: error.hint, cause: error };
  if (error instanceof ValueError) return new ConfigError(error.message, details);
  const text = `${error.message}; nothing was written`;
  if (error instanceof UnsupportedPointError) return new RefusedError(text, details);
  return error instanceof TransientError ? new TransientError(text, details) : error;
}

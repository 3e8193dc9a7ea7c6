import { ConfigError } from "../../model/errors.ts";
import type { Protocol, ReadRequest } from "../protocol.ts";
import { checkModbus } from "./check.ts";
import { openModbus } from "./driver.ts";
import { describeLearned, fasterLines, learnModbus, type PlannedRead, planModbus } from "./plan.ts";
import { kindOf } from "./raw-kind.ts";
import { recordModbus } from "./record.ts";
import { planModbusScan, scanModbus } from "./scan.ts";
import { modbusLineSettings } from "./scan-lines.ts";
import { addressSchema, connectionSchema, deviceSchema, givenSchema, headSchema } from "./schema.ts";
import type { ModbusAddress, ModbusConnection, ModbusDevice, ModbusHead } from "./settings.ts";
import { simulateModbus } from "./simulate.ts";
import { modbusSkeleton } from "./skeleton.ts";
import { isSunspec, learnSunspec, planSunspec } from "./sunspec-plan.ts";
import { modbusQuestions } from "./wiring.ts";
import { encodeWrite, writable } from "./write.ts";

/**
 * Modbus: RTU, ASCII and TCP, each over what carries it. What only examples and people at the gateway need is loaded
 * when they do: a gateway that polls keeps none of it in memory.
 */
export const modbus: Protocol<ModbusConnection, ModbusDevice, ModbusHead, ModbusAddress> = {
  name: "modbus",
  connection: connectionSchema,
  device: deviceSchema,
  head: headSchema,
  address: addressSchema,
  given: givenSchema,
  skeleton: modbusSkeleton,
  check: checkModbus,
  rawKind: kindOf,
  sample: { connection: { tcp: { host: "127.0.0.1" } }, device: { unit: 1 } },
  plan: (connection, device, points, learned) => {
    const { requests, concurrency } = planModbus(connection, device, points, learned);
    return { requests: [...requests, ...planSunspec(connection, device, points, learned)], concurrency };
  },
  faster: fasterLines,
  describeLearned,
  isLocal: ({ endpoint }) => endpoint.kind === "serial",
  learn: (request, learned, refusal) =>
    isSunspec(request)
      ? learnSunspec(request, learned, refusal?.code ?? "")
      : isPlanned(request)
        ? learnModbus(request, learned)
        : undefined,
  async replay(given, context) {
    const parsed = givenSchema.safeParse(given);
    if (!parsed.success)
      throw new ConfigError(`what the example gives is not understood: ${parsed.error.issues[0]?.message}`, {
        code: "bad-given",
      });
    const { replayModbus } = await import("./replay.ts");
    return replayModbus(parsed.data, context);
  },
  simulate: simulateModbus,
  async *probe(...input) {
    const { probeModbus } = await import("./probe.ts");
    yield* probeModbus(...input);
  },
  scan: scanModbus,
  scanPlan: planModbusScan,
  lineSettings: modbusLineSettings,
  async *listenIn(...input) {
    const { listenInModbus } = await import("./listen-in.ts");
    yield* listenInModbus(...input);
  },
  record: recordModbus,
  writable,
  wiring: modbusQuestions,
  encodeWrite,
  open: openModbus,
};

function isPlanned(request: ReadRequest<ModbusAddress>): request is PlannedRead {
  return "table" in request && "parts" in request;
}

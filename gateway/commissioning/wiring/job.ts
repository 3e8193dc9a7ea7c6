import type { WiringFound } from "../../model/commissioning.ts";
import type { Device } from "../../model/device.ts";
import { ConfigError } from "../../model/errors.ts";
import type { JobProgress } from "../../model/job.ts";
import type { Protocol } from "../../southbound/protocol.ts";
import { type CollectContext, collect } from "./collect.ts";
import { diagnose } from "./diagnose.ts";
import { evidenceOf } from "./reduce.ts";

/** What is looked at: a connection of gateway.yaml with the devices on it. */
export interface WiringInput {
  readonly name: string;
  readonly protocol: Protocol;
  /** The connection as the protocol's schema hands it on. */
  readonly connection: unknown;
  readonly devices: readonly Device[];
  /** About so long; 20 unless said, at least 10, at most 300. */
  readonly seconds?: number | undefined;
}

const usualSeconds = 20;

/**
 * Looks for what is wrong with the wiring of a line that nobody else of ours uses meanwhile; reads only. The
 * findings come at the end, the likeliest first. Rejects with ConfigError (`no-wiring-test`: a line or protocol
 * that cannot be judged so; `no-devices`), LinkError, or the signal's reason.
 */
export async function* wiringJob(
  input: WiringInput,
  context: Omit<CollectContext, "signal">,
  signal: AbortSignal,
): AsyncGenerator<{ progress?: JobProgress; finding?: WiringFound }> {
  const { name, protocol, connection, devices, seconds = usualSeconds } = input;
  const questions = protocol.wiring?.(connection, devices);
  if (!questions)
    throw new ConfigError(`the wiring of ${name} cannot be tested`, {
      code: "no-wiring-test",
      hint: "Modbus RTU lines can be, on a serial port or behind a transparent converter",
    });
  if (questions.questions.length === 0)
    throw new ConfigError(`${name} has no device that could be asked`, {
      code: "no-devices",
      hint: "add a device to gateway.yaml, or look for devices with stadsnod scan",
    });
  const bounded = Math.min(300, Math.max(10, seconds));
  const run = collect(questions, bounded, { ...context, signal });
  for (;;) {
    const step = await run.next();
    if (!step.done) {
      yield { progress: step.value };
      continue;
    }
    for (const finding of diagnose(evidenceOf(step.value, questions))) yield { finding };
    return;
  }
}

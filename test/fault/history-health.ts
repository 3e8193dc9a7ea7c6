import type { GatewayConfig } from "../../gateway/config/config.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import type { Log } from "../../gateway/model/log.ts";
import type { SimulatedBroker } from "./history-broker.ts";
import type { Run } from "./history-judge.ts";
import type { Field } from "./history-units.ts";

// What a simulated gateway says of itself, and what may not be in it.

/** Nothing grows, and no loop is broken. */
export function troublesOf(gateway: Gateway): string[] {
  const troubles: string[] = [];
  const limit = gateway.config.storage.maxBytes;
  for (const { outbox } of gateway.sides.values())
    if (outbox.status().bytes > limit) troubles.push(`the outbox holds more than ${limit} bytes`);
  if (gateway.builder.pending > 2000) troubles.push(`${gateway.builder.pending} readings pend`);
  const { open = 0, unanswered = 0 } = gateway.control.desk?.status() ?? {};
  if (open > 50 || unanswered > 100) troubles.push(`${open} commands, ${unanswered} answers wait`);
  for (const loop of gateway.loops.values())
    if (loop.pulse().brokenMs !== undefined) troubles.push(`the loop of ${loop.connection} broke`);
  return troubles;
}

/** What still waits or starves, or undefined. */
export function unfinished(gateway: Gateway, field: Field, broker: SimulatedBroker): string | undefined {
  const starving = gateway.config.devices.find(({ id }) => !field.answered.has(id));
  if (starving) return `${starving.id} is not read`;
  const [side] = gateway.sides.values();
  if (!side || side.outbox.status().packs > 0) return "packs wait";
  if (!side.northbound.status().connected) return "the broker is not connected";
  if (side.outbox.status().disk !== "ok") return "the disk is not used again";
  if (broker.waiting.length > 0) return "commands are not acknowledged";
  const desk = gateway.control.desk?.status();
  if (desk && (desk.open > 0 || desk.unanswered > 0)) return "commands have no last word";
  return undefined;
}

/** What a run has promised by now. */
export function account(run: Run, gateway: Gateway): void {
  run.accounts = gateway.builder.accounting();
  run.volatile += volatileOf(gateway);
}

/** Packs that are in memory only. */
export function volatileOf(gateway: Gateway): number {
  let sum = 0;
  for (const { outbox } of gateway.sides.values()) sum += outbox.status().volatile;
  return sum;
}

/** Hears of what the gateway itself calls a bug. */
export function bugLog(told: (bug: string) => void): Log {
  const error = (fields: Record<string, unknown>, text: string) => {
    if (/\bbug\b/.test(text)) told(`${text}: ${String(fields.err ?? fields.error)}`);
  };
  const log: Log = { debug() {}, info() {}, warn() {}, error, child: () => log };
  return log;
}

/** The configuration, with this history's broker behind its far side. */
export function withKind(config: GatewayConfig, broker: SimulatedBroker): GatewayConfig {
  const northbound = new Map(
    Array.from(config.northbound, ([name, one]) => [name, { ...one, kind: broker.kind }]),
  );
  return { ...config, northbound };
}

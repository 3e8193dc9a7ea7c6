import { ConfigError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import type { SouthboundContext, WriteFrame } from "../protocol.ts";
import type { ScriptCodec } from "./decode.ts";
import { compileHead } from "./layout.ts";
import type { LoraUnit } from "./results.ts";
import { Scripts } from "./scripts.ts";
import type { DownlinkAddress, LoraAddress } from "./settings.ts";

/** Why nothing can be written at an address. */
export function writable(address: LoraAddress): { message: string; hint: string } | undefined {
  if ("set" in address) return undefined;
  return {
    message: "a place in an uplink cannot be written",
    hint: "say what a downlink sets: write: {at: {set: <field of the layout>, port: <fPort>}}",
  };
}

/**
 * The payload of the downlink that sets one value. Throws ConfigError when the layout has no such field
 * or command, or cannot hold the value.
 */
export function downlinkPayload(
  { profile }: LoraUnit,
  { set, command, with: others, port }: DownlinkAddress,
  raw: RawValue,
): Uint8Array {
  const { payload } = compileHead(profile.protocolSettings);
  if (!payload)
    throw new ConfigError("only a payload layout tells how a downlink is made", { code: "cannot-encode" });
  const values = { ...others, [set]: raw };
  if (command !== undefined && !payload.commands.some(({ name }) => name === command))
    throw new ConfigError(`the layout has no command "${command}"`, { code: "cannot-encode" });
  const { bytes, errors } =
    command === undefined
      ? payload.encode(values, { port, direction: "downlink" })
      : payload.encodeCommand(command, values);
  const [error] = errors;
  if (error !== undefined) throw new ConfigError(error, { code: "cannot-encode" });
  return bytes;
}

/**
 * The downlink that sets one value: by the layout, or by `encodeDownlink` of the profile's script, which
 * may name a port of its own. Rejects with ConfigError as `downlinkPayload` throws it.
 */
export async function encodeDownlink(
  device: LoraUnit,
  address: DownlinkAddress,
  raw: RawValue,
  script: ScriptCodec | undefined,
): Promise<{ readonly data: Uint8Array; readonly fPort: number }> {
  const { set, with: others, port } = address;
  if (!script) return { data: downlinkPayload(device, address, raw), fPort: port };
  const { bytes, fPort, errors } = await script.encodeDownlink({
    data: { ...others, [set]: jsonOf(raw) },
  });
  if (!bytes || errors.length > 0)
    throw new ConfigError(errors.join("; ") || "the codec script gave no bytes", { code: "cannot-encode" });
  return { data: bytes, fPort: fPort ?? port };
}

function jsonOf(raw: RawValue): number | string | boolean {
  if (raw instanceof Uint8Array)
    throw new ConfigError("a codec script takes no bytes", { code: "cannot-encode" });
  if (typeof raw !== "bigint") return raw;
  if (!Number.isSafeInteger(Number(raw)))
    throw new ConfigError(`JavaScript cannot hold ${raw} exactly`, { code: "cannot-encode" });
  return Number(raw);
}

/**
 * For examples and the audit: a downlink has no answer of its own; what became of it comes later. The
 * bytes that a codec script makes are known only when it runs: none are shown.
 */
export function encodeWrite(device: LoraUnit, address: LoraAddress, raw: RawValue): WriteFrame {
  if (!("set" in address)) throw new ConfigError("nothing can be written here", { code: "read-only" });
  const { decoding } = device.profile.protocolSettings;
  const scripted = decoding.kind === "script";
  return {
    bytes: scripted ? new Uint8Array() : downlinkPayload(device, address, raw),
    label: `downlink to fPort ${address.port}${address.confirmed ? ", confirmed" : ""}${
      scripted ? `, made by ${decoding.file.file}` : ""
    }`,
    port: address.port,
    unanswered: true,
    answered: () => "done",
  };
}

/** As `Protocol.encodeByScript` says. */
export async function encodeByScript(
  device: LoraUnit,
  address: LoraAddress,
  raw: RawValue,
  sandbox: SouthboundContext["sandbox"],
): Promise<{ readonly bytes: Uint8Array; readonly port: number } | undefined> {
  await using scripts = new Scripts(sandbox);
  const script = await scripts.of(device.profile.protocolSettings);
  if (!script || !("set" in address)) return undefined;
  const { data, fPort } = await encodeDownlink(device, address, raw, script);
  return { bytes: data, port: fPort };
}

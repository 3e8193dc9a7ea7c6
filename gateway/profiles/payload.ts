import type { Device, DeviceProfile } from "../model/device.ts";
import { readablePoints } from "../model/device.ts";
import { ConfigError, GatewayError, RefusedError } from "../model/errors.ts";
import type { Reading } from "../model/reading.ts";
import type { RawValue, Value } from "../model/value.ts";
import { isRefused, prepareWrite, writtenPoint } from "../model/write.ts";
import { momentReadings, withInputs } from "../southbound/derivation.ts";
import type { PointResult, Protocol, SouthboundContext } from "../southbound/protocol.ts";
import { sampleDevice } from "./sample.ts";

// Payloads that came, or go, by another way than a line of the gateway: through the planning and decoding of the
// profile's protocol, as examples are.

/** One frame of a write. */
export interface EncodedFrame {
  readonly bytes: Uint8Array;
  /** LoRaWAN's FPort. */
  readonly port?: number | undefined;
  /** For people. */
  readonly label: string;
}

/**
 * What a word of a device says, moment by moment, without hidden points. Rejects with ConfigError (`no-payloads`:
 * of this protocol a word means nothing alone), RefusedError (`undecoded`), or the protocol's error where it is no word
 * of such a device.
 */
export async function decodeWord(
  profile: DeviceProfile,
  word: { readonly bytes: Uint8Array; readonly port?: number | undefined },
  protocol: Protocol,
  context: SouthboundContext,
): Promise<Reading[]> {
  if (!protocol.givenOf)
    throw new ConfigError(`${protocol.name}: an answer means nothing without its question`, {
      code: "no-payloads",
      hint: "payloads are of devices that speak by themselves, such as LoRaWAN sensors and meters",
    });
  const device = sampleDevice(protocol, profile);
  const readings: Reading[] = [];
  const take = (results: readonly PointResult[]): void => {
    readings.push(...momentReadings(device, results));
  };
  const given = protocol.givenOf(word.bytes, profile.protocolSettings, word.port);
  await using driver = await protocol.replay(given, {
    ...context,
    emit: async (_device, found) => take(found),
  });
  await driver.listen?.([device]);
  const line = protocol.connection.parse(protocol.sample?.connection ?? {});
  const points = withInputs(profile, readablePoints(profile));
  for (const request of protocol.plan(line, device, points, {}).requests) {
    try {
      take((await driver.read?.(device, request, context.signal)) ?? []);
    } catch (error) {
      // It was no answer to this question; it may be one to another.
      if (!(error instanceof GatewayError) || readings.length === 0) throw error;
    }
  }
  const { undecoded = 0, unmatched = 0 } = driver.statistics;
  if (readings.length === 0 || undecoded > 0)
    throw new RefusedError(`${profile.id} does not read this payload`, {
      code: "undecoded",
      hint:
        unmatched > 0
          ? "no message of the profile matches it"
          : "is it whole, of this model, and the port (fPort) right?",
    });
  return readings.filter(({ point }) => !point.hidden);
}

/**
 * The frames that write a value, as far as they are known before the device has answered. Rejects with
 * RefusedError for a value that the point does not take, with ConfigError where none can be shown.
 *
 * @param settings what gateway.yaml would say of the device; undefined: the protocol's sample
 */
export async function encodeValue(
  profile: DeviceProfile,
  { point: name, value }: { readonly point: string; readonly value: Value },
  protocol: Protocol,
  sandbox: SouthboundContext["sandbox"],
  settings?: unknown,
): Promise<EncodedFrame[]> {
  const point = writtenPoint(profile, name);
  if (!point) throw new ConfigError(`${profile.id} has no point ${name} to write`, { code: "unknown-point" });
  const prepared = prepareWrite(profile, point, value);
  if (isRefused(prepared)) throw new RefusedError(prepared.detail, { code: prepared.refuse });
  const device = sampleDevice(protocol, profile, settings);
  const frames: EncodedFrame[] = [];
  for (const step of prepared.steps)
    if (!("waitMs" in step)) frames.push(await frameOf(step, device, protocol, sandbox));
  return frames;
}

async function frameOf(
  { address, raw }: { readonly address: unknown; readonly raw: RawValue },
  device: Device,
  protocol: Protocol,
  sandbox: SouthboundContext["sandbox"],
): Promise<EncodedFrame> {
  const frame = protocol.encodeWrite?.(device, address, raw);
  if (!frame) throw new ConfigError(`frames of ${protocol.name} cannot be shown`, { code: "cannot-encode" });
  const { bytes, port, label } = frame;
  const made = await protocol.encodeByScript?.(device, address, raw, sandbox);
  return made ? { ...made, label } : { bytes, port, label };
}

import type { Device, DeviceProfile } from "../model/device.ts";
import type { Protocol } from "../southbound/protocol.ts";

/** A device as the smallest gateway.yaml would have it: what examples and checks are planned with. */
export function sampleDevice(protocol: Protocol, profile: DeviceProfile, settings?: unknown): Device {
  return {
    id: "example",
    profile,
    connection: "example",
    settings: settings ?? protocol.device.parse(protocol.sample?.device ?? {}),
    urn: "urn:dev:ops:32473-example-example:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}

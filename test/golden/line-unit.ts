import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { DeviceProfile } from "../../gateway/model/device.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import type { Protocol } from "../../gateway/southbound/protocol.ts";
import type { LineUnit } from "../../gateway/southbound/serial-line/messages.ts";
import { serialLine } from "../../gateway/southbound/serial-line/protocol.ts";
import type { LineAddress, LineHead } from "../../gateway/southbound/serial-line/settings.ts";

/** A profile as a device of the line protocol; the schemas give its settings their type once more. */
export function lineUnit(file: string): LineUnit {
  const protocols: readonly Protocol[] = [serialLine];
  const { profile, diagnostics } = loadProfile(readFileSync(file, "utf8"), file, protocols);
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  if (!profile) throw new Error(`${file} is no profile`);
  const typed = profile as DeviceProfile<LineAddress, LineHead>;
  return {
    id: "instrument",
    profile: typed,
    connection: "line",
    settings: {},
    urn: "urn:dev:ops:32473-test-instrument:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 1000, slow: 1000 },
  };
}

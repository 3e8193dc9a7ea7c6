import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePayload } from "../gateway/codec/payload/index.ts";
import { loadProfile } from "../gateway/profiles/load.ts";
import { lorawan } from "../gateway/southbound/lorawan/protocol.ts";
import type { LoraHead } from "../gateway/southbound/lorawan/settings.ts";

// What the examples inside the profiles cannot say: how many there are, downlinks that no point
// stands for, and that bytes of any kind end in a result.

const folder = resolve(import.meta.dirname, "../device-profiles");
const lora = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => ({ name: name.replaceAll("\\", "/"), text: readFileSync(join(folder, name), "utf8") }))
  .filter(({ text }) => /^protocol: lorawan$/m.test(text))
  .flatMap(({ name, text }) => {
    const { profile } = loadProfile(text, name, [lorawan]);
    return profile ? [{ id: profile.id, profile, head: profile.protocolSettings as LoraHead }] : [];
  });

function layoutOf({ decoding }: LoraHead) {
  if (decoding.kind !== "layout") throw new RangeError("this profile has no payload layout");
  return compilePayload(decoding.schema);
}

function named(id: string) {
  const found = lora.find((one) => one.id === id);
  if (!found) throw new RangeError(`no LoRaWAN profile ${id}`);
  return layoutOf(found.head);
}

describe("the LoRaWAN profiles", () => {
  it("are at least 25, for the uses of a city", () => {
    expect(lora.length).toBeGreaterThanOrEqual(25);
    const categories = new Set(lora.map(({ profile }) => profile.category));
    for (const use of ["climate", "door-access", "level", "lighting", "noise", "parking", "position"])
      expect(categories).toContain(use);
    for (const use of ["traffic-counter", "valve", "waste-bin", "water-meter"])
      expect(categories).toContain(use);
  });

  it.each(lora)("reads bytes of any kind to an end: $id", ({ head }) => {
    const layout = layoutOf(head);
    const { decoding } = head;
    const ports = decoding.kind === "layout" ? portsOf(decoding.schema) : [];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(1, ...ports, 223), (bytes, fPort) => {
        const { errors } = layout.decode(bytes, { port: fPort });
        expect(errors.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["nas/ul2020", "dim", { address: 1, dim_level: 50 }, "010132"],
    ["nas/ul2020", "timed_dim", { timed_level: 100, minutes: 5 }, "09fe6405"],
  ])("makes the downlink of %s: %s %o", (id, command, values, hex) => {
    const { bytes, errors } = named(id).encodeCommand(command, values);
    expect(errors).toEqual([]);
    expect(Buffer.from(bytes).toString("hex")).toBe(hex);
  });
});

function portsOf(schema: unknown): readonly number[] {
  const { ports = {} } = schema as { readonly ports?: Readonly<Record<string, unknown>> };
  return Object.keys(ports).map(Number).filter(Number.isInteger);
}

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importEvcc } from "../../gateway/profiles/import/evcc.ts";
import { writeImported } from "../../gateway/profiles/import/imported.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { goldenIsHere, goldenPath } from "./golden.ts";

interface Row {
  readonly usage: string;
  readonly field: string;
  readonly address: number;
  readonly type: string;
  readonly encoding: string;
  readonly scale: number | undefined;
}

/** What a register is called where a template leaves its choice to whoever renders it. */
const chosen = (encoding: string): string => (encoding.includes("{{") ? "float32" : encoding);

function rowsOf(file: string): Row[] {
  const [, ...lines] = readFileSync(goldenPath("evcc-registers", file), "utf8").trim().split("\n");
  return lines.flatMap((line) => {
    const [usage = "", field = "", address = "", type = "", encoding = "", , scale = ""] = line.split(",");
    const factor = Number(scale);
    return type === "" || encoding === ""
      ? []
      : [
          {
            usage,
            field: field.replaceAll(/[^a-z]/gi, "_"),
            address: Number(address),
            type,
            encoding: chosen(encoding),
            scale: scale === "" || !Number.isFinite(factor) || factor === 0 ? undefined : factor,
          },
        ];
  });
}

describe.skipIf(!goldenIsHere)("golden registers of evcc templates (needs ../shared/golden)", async () => {
  const protocols = await loadProtocols();
  const files = goldenIsHere
    ? readdirSync(goldenPath("evcc-registers")).filter((name) => /^(meter|charger)_.*\.csv$/.test(name))
    : [];
  const counts = { read: 0, points: 0 };

  it.each(files)("%s becomes a profile that passes its check", (file) => {
    const rows = rowsOf(file).filter(({ address }) => Number.isInteger(address));
    const read = rows.filter(({ type }) => !type.startsWith("write"));
    if (read.length === 0) return;
    const entries = rows.map(
      ({ usage, field, address, type, encoding, scale }, index) =>
        `  - ${usage}_${field}_${index}:\n      source: modbus\n      register: {address: ${address}, type: ${type}, decode: ${encoding}}\n${
          scale === undefined ? "" : `      scale: ${scale}\n`
        }`,
    );
    const imported = importEvcc(`meters:\n${entries.join("")}`);
    const { text } = writeImported(imported, { id: "acme/m1", category: "energy-meter", source: "evcc" });
    const { profile, diagnostics } = loadProfile(text, "device-profiles/acme/m1.yaml", protocols);
    const errors = diagnostics
      .filter(({ severity }) => severity === "error")
      // Templates read one register in two places; in a profile that is one point too many.
      .filter(({ code }) => code !== "overlapping-points");
    expect(errors).toEqual([]);
    expect(imported.points.length).toBe(read.length);
    expect(imported.leftOut.filter((note) => note.includes("is not known"))).toEqual([]);
    counts.read += read.length;
    counts.points += profile?.points.length ?? 0;
  });

  it("were all tried", () => {
    expect(files.length).toBeGreaterThanOrEqual(50);
    expect(counts.read).toBeGreaterThan(300);
  });
});

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "../../gateway/cli/index.ts";
import type { WiringFault, WiringFound } from "../../gateway/model/commissioning.ts";
import { openFaultyPty } from "../../simulators/faulty-pty.ts";
import { type LineFault, lineFaults } from "../../simulators/line-faults.ts";
import { seeded } from "../fault/random.ts";
import { newFolder } from "./daemon.ts";
import { meterProfile, writeProfiles } from "./field.ts";
import { examine, units } from "./wiring-line.ts";

interface Expected {
  readonly fault: WiringFault;
  /** It must be said of one unit. */
  readonly ofUnit?: boolean;
  /** Where the fault does harm at all. */
  readonly bauds?: readonly number[];
}

const usualBauds = [4800, 9600, 19_200, 38_400, 115_200];
const kinds: Readonly<Record<LineFault, Expected>> = {
  none: { fault: "none" },
  "wrong stop bits": { fault: "none" },
  "one unit without power": { fault: "silent", ofUnit: true },
  "all without power": { fault: "silent" },
  "swapped at the gateway": { fault: "swapped" },
  "swapped at one device": { fault: "swapped", ofUnit: true },
  "no termination": { fault: "no-termination", bauds: [38_400, 57_600, 115_200] },
  echo: { fault: "echo" },
  "damaged echo": { fault: "echo" },
  "wrong parity": { fault: "wrong-parity" },
  "wrong speed": { fault: "wrong-speed" },
  "one unit with wrong parity": { fault: "wrong-parity", ofUnit: true },
  "duplicate address": { fault: "duplicate-address" },
  ground: { fault: "ground" },
  "late answers": { fault: "late-answers" },
  noise: { fault: "noise" },
  "stuck driver": { fault: "stuck" },
  babbler: { fault: "stuck", bauds: [4800, 9600, 19_200] },
  "second master": { fault: "second-master" },
};

/** Not those that the rules were found with. */
const seeds = Array.from(
  { length: Number(process.env.STADSNOD_WIRING_SEEDS ?? 6) },
  (_, index) => 400 + index,
);
const severities = [0.15, 0.5, 1];
const names = Object.keys(lineFaults).filter((name): name is LineFault => name in kinds);

interface Seen {
  readonly right: boolean;
  readonly likely: number;
  readonly first: string;
  readonly harmless: boolean;
}

async function look(name: LineFault): Promise<readonly Seen[]> {
  const { fault, ofUnit, bauds = usualBauds } = kinds[name];
  const seen: Seen[] = [];
  for (const [index, seed] of seeds.entries()) {
    const baud = bauds[(index + seed) % bauds.length]!;
    const parity = seed % 2 === 0 ? "none" : "even";
    const severity = severities[index % severities.length]!;
    const { found, evidence } = await examine({ fault: name, seed: 7919 * seed, severity, baud, parity });
    const first = found[0]!;
    const isWhole = evidence.units.every(({ asked, whole }) => asked === whole);
    seen.push({
      right: first.fault === fault && (ofUnit === undefined || (first.unit !== undefined) === ofUnit),
      likely: first.likely,
      first:
        first.unit !== undefined && !["duplicate-address", "late-answers"].includes(first.fault)
          ? `${first.fault} (one unit)`
          : first.fault,
      // Nothing that could be seen happened on the wire.
      harmless: isWhole && first.fault === "none" && fault !== "none",
    });
  }
  return seen;
}

describe("diagnosis of a line that is wrong", () => {
  const results = new Map<LineFault, readonly Seen[]>();

  it.for(names)("%s", { timeout: 240_000 }, async (name) => {
    const seen = await look(name);
    results.set(name, seen);
    const right = seen.filter((one) => one.right).length;
    const judged = seen.filter((one) => !one.harmless).length;
    // Of those that did something that one could see.
    if (kinds[name].fault === "none" || kinds[name].ofUnit) expect(right).toBe(judged);
    else expect(right).toBeGreaterThanOrEqual(Math.ceil(0.6 * judged));
  });

  it("is right first in at least nine of ten kinds, and says nothing of healthy lines", () => {
    expect(results.size).toBe(names.length);
    const rows = names.map((name) => {
      const seen = results.get(name)!;
      const right = seen.filter((one) => one.right).length;
      const harmless = seen.filter((one) => one.harmless).length;
      const firsts = Map.groupBy(seen, ({ first }) => first);
      const said = [...firsts]
        .sort((a, b) => b[1].length - a[1].length)
        .map(
          ([first, some]) =>
            `${first} ${some.length}x at ${mean(some.map(({ likely }) => likely)).toFixed(2)}`,
        );
      return { name, right, of: seen.length, harmless, said: said.join(", ") };
    });
    const table = rows.map(
      ({ name, right, of, harmless, said }) =>
        `${name.padEnd(28)}${right}/${of}${harmless > 0 ? ` (${harmless} did no harm)` : ""}`.padEnd(52) +
        said,
    );
    console.log(
      `${"what is wrong".padEnd(28)}${"right first".padEnd(24)}what was said first\n${table.join("\n")}`,
    );
    // A kind counts as recognised when three quarters of its lines are.
    const known = rows.filter(({ right, of, harmless }) => right >= 0.75 * (of - harmless)).length;
    console.log(`${known} of ${rows.length} kinds recognised`);
    expect(known / rows.length).toBeGreaterThanOrEqual(0.9);
    const right = rows.reduce((sum, row) => sum + row.right, 0);
    const judged = rows.reduce((sum, row) => sum + row.of - row.harmless, 0);
    expect(right / judged).toBeGreaterThanOrEqual(0.9);
  });

  it("never writes, whatever it finds", async () => {
    for (const fault of ["none", "swapped at one device", "wrong speed"] as const) {
      const { functions } = await examine({ fault, seed: 5, severity: 0.5, baud: 19_200 });
      expect(functions.size).toBeGreaterThan(0);
      for (const code of functions) expect([1, 2, 3, 4]).toContain(code);
    }
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

describe("stadsnod wiring", () => {
  /** The command against a pty, as on a table in the workshop. */
  async function command(fault: LineFault, ...more: readonly string[]) {
    const chance = seeded(11);
    const settings = { baud: 19_200, parity: "none", stopBits: 1 } as const;
    const made = lineFaults[fault]({
      settings,
      units,
      severity: 0.5,
      chance,
      nowMs: performance.now(),
      timeoutMs: 500,
    });
    await using pty = openFaultyPty({ ...made, chance });
    const folder = newFolder();
    mkdirSync(folder, { recursive: true });
    writeProfiles(folder, { "test/meter": meterProfile });
    const devices = units.map(
      (unit) => `  meter-${unit}: {profile: test/meter, connection: line, unit: ${unit}}`,
    );
    writeFileSync(
      join(folder, "gateway.yaml"),
      `gateway: {id: gw-test, pen: 32474}
profiles: [device-profiles]
connections: {line: {protocol: modbus, serial: {port: ${pty.path}, baud: 19200}, timing: {timeout: 500ms}}}
devices:
${devices.join("\n")}
storage: {folder: store}
`,
    );
    let [out, err] = ["", ""];
    const code = await runCli(["wiring", "line", "--direct", "--seconds", "10", ...more], {
      cwd: folder,
      env: { LANG: "sv_SE.UTF-8" },
      signal: new AbortController().signal,
      onReload: () => {},
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      columns: undefined,
      rows: undefined,
    });
    return { code, out, err };
  }
  const first = (out: string): WiringFound => JSON.parse(out.split("\n")[0]!);

  it("says that a line is fine, in the language of the terminal", {
    timeout: 60_000,
  }, async () => {
    const { code, out, err } = await command("none");
    expect(err).toBe("");
    expect(out).toMatch(/^Slingan är felfri\. \(\d+ %\)/);
    expect(code).toBe(0);
  });

  it("names the unit without power", { timeout: 60_000 }, async () => {
    const { code, out } = await command("one unit without power", "--json");
    expect(first(out)).toMatchObject({ kind: "wiring", fault: "silent" });
    expect(units.map(String)).toContain(first(out).unit);
    expect(code).toBe(1);
  });

  it("finds an echo", { timeout: 60_000 }, async () => {
    const { out } = await command("echo", "--language", "en");
    expect(out).toContain("The adapter hears its own sending.");
    expect(out).toMatch(/our own bytes came back with \d+ of \d+ questions/);
  });

  it("finds the speed that the devices have", { timeout: 60_000 }, async () => {
    const { out } = await command("wrong speed", "--json", "--seconds", "20");
    expect(first(out)).toMatchObject({ fault: "wrong-speed" });
    expect(first(out).evidence[0]!.en).toMatch(/answers with \d+ 8N1; gateway.yaml says 19200 8N1/);
  });
});

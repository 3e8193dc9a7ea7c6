// Entry of `npm run bench`: --quick, --json (one object per line), --only <name, or the beginning of one>.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Bench, failed, type Row } from "./bench.ts";

/** Loaded one by one, so that one that cannot load is one row with an error. */
const benches: readonly (readonly [name: string, load: () => Promise<Bench>])[] = [
  ["wire", async () => (await import("./wire.ts")).wire],
  ["decode", async () => (await import("./decode.ts")).decode],
  ["modbus.tcp", async () => (await import("./modbus-tcp.ts")).modbusTcp],
  ["modbus.steady", async () => (await import("./modbus-steady.ts")).modbusSteady],
  ["modbus.silentlyWrong", async () => (await import("./silently-wrong.ts")).silentlyWrong],
  ["rtu.lineEfficiency", async () => (await import("./line-efficiency.ts")).lineEfficiency],
  ["rtu.deadUnits", async () => (await import("./dead-units.ts")).deadUnits],
  ["outbox", async () => (await import("./outbox.ts")).outbox],
  ["sandbox", async () => (await import("./sandbox.ts")).sandbox],
  ["commands.latency", async () => (await import("./commands.ts")).commandLatency],
  ["commands.flood", async () => (await import("./commands.ts")).commandFlood],
  ["commands.desk", async () => (await import("./command-desk.ts")).commandDesk],
  ["local.streams", async () => (await import("./streams.ts")).localStreams],
  ["daemon", async () => (await import("./daemon.ts")).daemon],
  ["nodered.nodes", async () => (await import("./node-red-nodes.ts")).nodeRedNodes],
  ["nodered.flows", async () => (await import("./node-red-flows.ts")).nodeRedFlows],
  ["nodered.modbus", async () => (await import("./node-red-modbus.ts")).nodeRedModbus],
];

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    only: { type: "string" },
  },
});
const { quick, json, only } = options;
const chosen = benches.filter(([name]) => !only || name.startsWith(only) || only.startsWith(name));
if (chosen.length === 0) {
  console.error(`no bench is called ${only}; there are ${benches.map(([name]) => name).join(", ")}`);
  process.exit(2);
}

// Not in the temporary folder: that may be memory, and a bench of a disk needs one.
const data = resolve(import.meta.dirname, "../../.data");
mkdirSync(data, { recursive: true });
const rows: Row[] = [];
for (const [name, load] of chosen) {
  const folder = mkdtempSync(join(data, "bench-"));
  let found: Row[];
  try {
    const bench = await load();
    if (!json) console.error(`${name}: ${bench.title} ...`);
    found = await bench.run({ quick, folder });
  } catch (error) {
    found = [failed(name, "", error)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const row of found) {
    if (only && !row.name.startsWith(only) && name !== only && !name.startsWith(only)) continue;
    rows.push(row);
    if (json) console.log(JSON.stringify(row));
  }
}
if (!json) table(rows);
process.exitCode = rows.some(({ error }) => error !== undefined) ? 1 : 0;

function table(all: readonly Row[]): void {
  console.log(
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "?"}${quick ? ", quick" : ""}\n`,
  );
  const lines = all.map(({ name, value, unit, ratio, ratioTo, error }) => [
    name,
    value === null ? "-" : `${figure(value)} ${unit}`.trim(),
    ratio === undefined ? "" : `${figure(ratio)} x ${ratioTo}`,
    error ? `FAILED: ${error}` : "",
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  for (const line of lines) {
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

/** Three significant figures, no powers of ten. */
function figure(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en", { maximumFractionDigits: Math.min(digits, 6) });
}

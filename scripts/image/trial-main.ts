import { mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type City, openCity } from "./city.ts";
import { clockTrial } from "./clock-trial.ts";
import { lanes } from "./cut-moments.ts";
import { cutTrials } from "./cut-trial.ts";
import { fieldTrial, gateway, switchOn } from "./field-trial.ts";
import { nodeRedTrial, nodeRedUnits } from "./node-red-trial.ts";
import { run } from "./process.ts";
import { badUpdateTrial, updateTrial } from "./update-trial.ts";
import { neverStarts, variantOfTrial } from "./variant.ts";
import { watchdogTrial } from "./watchdog-trial.ts";

// `npm run image:test`: builds the image and takes it into the field, as far as a machine without one can.

const moments = lanes.flat().flatMap(({ cuts }) => cuts).length;
const usage = `npm run image:test [-- [--only-boot] [--with node-red] [--long] [--only <part>] [folder of a built image]]

  --only-boot     end after the first reading, without updates
  --with <layer>  node-red: with Node-RED in the image; ends after what its flow computes has arrived
  --long          then the long parts as well, one after the other: hours
  --only <part>   only one of them:
    cuts      QEMU is killed at ${moments} moments of updates, every state of one among them
    clock     the image for the Pi on QEMU's raspi3b, which has no clock of its own
    watchdog  PID 1 hangs, the kernel stands, the kernel panics: it starts again by itself
  --lanes <n,...> of the cuts, only those of these gateways (1 to ${lanes.length})
  --at-once <n>   gateways of the cuts at the same time; one for every two cores where not given, each of them starves
                  with less
  --logs <folder> for the consoles of the long parts
  --pi <folder>   of an image for the Pi, for \`clock\`

The folder is one for generic-arm64. Images that are not given are built first.`;
const { values, positionals } = parseArgs({
  options: {
    "only-boot": { type: "boolean" },
    with: { type: "string" },
    long: { type: "boolean" },
    only: { type: "string" },
    logs: { type: "string" },
    pi: { type: "string" },
    lanes: { type: "string" },
    "at-once": { type: "string" },
    help: { type: "boolean", short: "h" },
  },
  allowPositionals: true,
});
const root = resolve(import.meta.dirname, "../..");
const cache = join(root, "node_modules", ".cache", "stadsnod-image");
const began = Date.now();
const say = (text: string) =>
  console.error(`image: [${Math.round((Date.now() - began) / 6000) / 10} min] ${text}`);

/** Tomorrow's packages must not keep anybody from trying today's program. */
async function build(board: string, layer?: string): Promise<string> {
  const out = join(cache, "out", layer ? `with-${layer}` : board);
  const args = [join(import.meta.dirname, "main.ts"), "--board", board, "--drift", "report", "--out", out];
  if (layer) args.push("--with", layer);
  await run(process.execPath, args, {
    cwd: root,
    onLine: (line) => {
      console.error(line);
      return undefined;
    },
  });
  return out;
}

async function main(): Promise<void> {
  const parts: ReadonlyMap<string, (image: string, city: City) => Promise<void>> = new Map([
    ["cuts", cutPower],
    ["clock", withoutClock],
    ["watchdog", bitten],
  ]);
  const only = values.only === undefined ? undefined : parts.get(values.only);
  if (values.only !== undefined && !only) throw new Error(`--only ${[...parts.keys()].join(" | ")}`);
  const [built] = positionals;
  const needless = values.only === "clock";
  const image = built ? resolve(built) : needless ? "" : await build("generic-arm64", values.with);
  if (values.logs !== undefined) mkdirSync(values.logs, { recursive: true });
  if (values.with) return tryNodeRed(image);
  await using city = await openCity();
  if (only) return await only(image, city);
  await short(image, city);
  if (values.long && !values["only-boot"]) for (const part of parts.values()) await part(image, city);
}

async function short(image: string, city: City): Promise<void> {
  say("starting it in QEMU: a minute or two ...");
  await using machine = await switchOn(image, city);
  const { reading, report, times } = await fieldTrial(machine, city);
  for (const [heading, text] of report) console.log(`${heading}:\n${text.replace(/^/gm, "  ")}`);
  say(`boot loader handed over after ${times.kernel} s, gateway up and enrolled after ${times.services} s`);
  say(`${reading.name} = ${reading.value} at the platform after ${times.reading} s`);
  if (values["only-boot"]) return;
  const [good, bad] = [join(cache, "good.raucb"), join(cache, "bad.raucb")];
  try {
    say("making a version that works, and one that does not ...");
    await variantOfTrial(image, cache, "0.2.0", good);
    await variantOfTrial(image, cache, "0.3.0", bad, neverStarts);
    say("the city wants 0.2.0 ...");
    const kept = await updateTrial(machine, city, "0.2.0", good);
    say(`${kept.phases.join(", ")}: version ${kept.end.version} in slot ${kept.end.slot}`);
    say("the city wants 0.3.0, which never starts ...");
    const back = await badUpdateTrial(machine, city, "0.3.0", bad);
    say(
      `${back.phases.join(", ")}: version ${back.end.version} in slot ${back.end.slot}: ${back.end.why?.text}`,
    );
    const { readings, missing, lost, duplicates } = city.platform.summary(gateway);
    say(`${readings} readings, ${missing} missing, ${lost} lost, ${duplicates} packs came twice`);
  } finally {
    for (const bundle of [good, bad]) rmSync(bundle, { force: true });
  }
}

async function tryNodeRed(image: string): Promise<void> {
  await using city = await openCity({ nodeRed: true });
  say("starting it in QEMU: some minutes ...");
  await using machine = await switchOn(image, city, { units: nodeRedUnits });
  const { facts, report, value } = await nodeRedTrial(machine, city);
  for (const heading of ["ports", "failed", "memory", "security"])
    console.log(`${heading}:\n${report.get(heading)?.replace(/^/gm, "  ")}`);
  console.log(JSON.stringify(facts, null, 2));
  say(`the flow makes ${value} of the meter's 230.5 V`);
}

async function cutPower(image: string, city: City): Promise<void> {
  const numbered = new Map(lanes.map((lane, index) => [index + 1, lane]));
  const wanted = values.lanes?.split(",").map(Number) ?? [...numbered.keys()];
  const chosen = new Map([...numbered].filter(([number]) => wanted.includes(number)));
  const planned = [...chosen.values()].flat().flatMap(({ cuts }) => cuts).length;
  const atOnce = Number(values["at-once"] ?? Math.max(1, Math.floor(availableParallelism() / 2)));
  say(
    `cutting the power at ${planned} moments of updates, ${atOnce} of ${chosen.size} gateways at a time ...`,
  );
  const logs = values.logs === undefined ? {} : { logs: values.logs };
  const ends = await cutTrials(image, cache, city, chosen, { told: say, atOnce, ...logs });
  const cuts = ends.flatMap((end) => end.cuts);
  say(
    `${cuts.length} of ${planned} boot, ${ends.length} updates end as they should, nothing that was stored is missing`,
  );
}

async function withoutClock(_: string, city: City): Promise<void> {
  const image = values.pi === undefined ? await build("pi") : resolve(values.pi);
  say("starting the image for the Pi on raspi3b, which has no clock ...");
  const { readings, estimated } = await clockTrial(image, cache, city, { told: say, ...logOf("clock") });
  say(
    `${readings} readings of a start without a clock, ${estimated} with an estimated time, none with a wrong one`,
  );
}

async function bitten(image: string, city: City): Promise<void> {
  say("hanging it ...");
  await watchdogTrial(image, city, {
    told: ({ name, seconds, upSeconds }) =>
      say(`${name}: starts again by itself after ${seconds} s, readings ${upSeconds} s later`),
    ...logOf("watchdog"),
  });
  say("nothing that was stored is missing");
}

function logOf(name: string): { readonly log?: string } {
  return values.logs === undefined ? {} : { log: join(values.logs, `${name}.console.log`) };
}

if (values.help) console.log(usage);
else await main();

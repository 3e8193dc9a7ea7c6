import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type City, openCity } from "./city.ts";
import { cutTrials, moments } from "./cut-trial.ts";
import { fieldTrial, gateway, switchOn } from "./field-trial.ts";
import { run } from "./process.ts";
import { badUpdateTrial, updateTrial } from "./update-trial.ts";
import { neverStarts, variantOfTrial } from "./variant.ts";

// `npm run image:test`: builds the image and takes it into the field, as far as a machine without one can.

const usage = `npm run image:test [-- [--only-boot] [folder of a built image]]

  --only-boot   end after the first reading, without updates
  --long        then cut the power at 20 moments of updates: two hours
  --cuts <n>    of these, only the first n`;
const { values, positionals } = parseArgs({
  options: {
    "only-boot": { type: "boolean" },
    long: { type: "boolean" },
    cuts: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
  allowPositionals: true,
});
const root = resolve(import.meta.dirname, "../..");
const cache = join(root, "node_modules", ".cache", "stadsnod-image");
const say = (text: string) => console.error(`image: ${text}`);

async function main(): Promise<void> {
  const [built] = positionals;
  const image = built ? resolve(built) : join(cache, "out", "generic-arm64");
  if (!built) {
    // Tomorrow's packages must not keep anybody from trying today's program.
    const args = [join(import.meta.dirname, "main.ts"), "--board", "generic-arm64", "--drift", "report"];
    await run(process.execPath, args, {
      cwd: root,
      onLine: (line) => {
        console.error(line);
        return undefined;
      },
    });
  }
  await using city = await openCity();
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
    await machine.cut();
    if (values.long || values.cuts) await cutPower(image, city);
  } finally {
    for (const bundle of [good, bad]) rmSync(bundle, { force: true });
  }
}

async function cutPower(image: string, city: City): Promise<void> {
  const count = Number(values.cuts ?? moments.length);
  say(`cutting the power at ${count} moments of updates ...`);
  let number = 0;
  await cutTrials(image, cache, city, {
    count,
    told: ({ name, end, slot }) =>
      say(
        `${++number} of ${count}: ${name}: boots, slot ${slot}, ${end.target} ${end.phase}${end.why ? ` (${end.why.code})` : ""}`,
      ),
  });
  const { readings, missing, lost } = city.platform.summary(gateway);
  say(`${number} of ${count} boot; ${readings} readings, ${missing} missing, ${lost} lost`);
  if (missing > 0) process.exitCode = 1;
}

if (values.help) console.log(usage);
else await main();

import { join, resolve } from "node:path";
import { openCity } from "./city.ts";
import { fieldTrial, switchOn } from "./field-trial.ts";
import { run } from "./process.ts";

// `npm run image:test`: builds the image and takes it into the field, as far as a machine without one can.

const root = resolve(import.meta.dirname, "../..");
const cache = join(root, "node_modules", ".cache", "stadsnod-image");
const built = process.argv[2];
const image = built ? resolve(built) : join(cache, "out", "generic-arm64");
const say = (text: string) => console.error(`image: ${text}`);

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
say("starting it in QEMU: a minute or two ...");
await using city = await openCity();
await using machine = await switchOn(image, city);
const { reading, report, times } = await fieldTrial(machine, city);
for (const [heading, text] of report) console.log(`${heading}:\n${text.replace(/^/gm, "  ")}`);
say(`boot loader handed over after ${times.kernel} s, gateway up and enrolled after ${times.services} s`);
say(
  `${reading.name} = ${reading.value} at the platform after ${times.reading} s; the meter got ${city.requests} requests`,
);

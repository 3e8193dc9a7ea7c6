// Records numbered readings for ever and prints the number of the last one that is in the database; its parent kills it.
import { silentLog } from "../../gateway/model/log.ts";
import { History } from "../../gateway/telemetry/history.ts";
import { good, sampleDevice, samplePoint } from "../telemetry/sample.ts";
import { VirtualClock } from "./virtual-clock.ts";

const [, , file = "", batch = "1"] = process.argv;
const device = sampleDevice("m1");
const point = samplePoint("number");
const history = new History({
  clock: new VirtualClock({ unix: 1_790_000_000_000 }),
  log: silentLog,
  file,
  maxAgeMs: 86_400_000,
  maxBytes: 50_000_000,
  personal: false,
});
for (let next = 0; ; ) {
  const readings = Array.from({ length: Number(batch) }, () =>
    good(device, point, next, { base: "unix", ms: 1_790_000_000_000 + next++ }),
  );
  history.record(readings);
  await history.flush();
  process.stdout.write(`${next - 1}\n`);
}

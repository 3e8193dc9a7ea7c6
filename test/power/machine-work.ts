// What runs on a machine whose power is cut: it looks whether everything that was promised before is there, reports, and goes on.
import { appendFileSync, readFileSync } from "node:fs";
import { type Inspection, inspectStores } from "./inspect.ts";
import { noPromises, note, type WriterOrder } from "./promises.ts";

/** As machine-init.sh mounts it. */
const host = "/mnt/host";

const order: WriterOrder = JSON.parse(readFileSync(`${host}/order`, "utf8"));
const promises = noPromises();
for (const line of readFileSync(`${host}/promises`, "utf8").split("\n"))
  if (line !== "") note(promises, JSON.parse(line));

const inspection = await inspectStores(order.folder, promises).catch((error): Inspection => {
  return { problems: [{ kind: "corrupt", text: String(error) }], packs: 0, commands: 0 };
});
appendFileSync(`${host}/reports`, `${JSON.stringify(inspection)}\n`);

process.argv[2] = JSON.stringify(order);
await import("./writer.ts");

import { expect, it } from "vitest";
import { newFolder, run, startDaemon } from "./daemon.ts";
import { configuration, meterProfile, openMeters, writeProfiles } from "./field.ts";

it("is kept by the built daemon, whose thread for it is a file of its own", async () => {
  await using meters = await openMeters([1]);
  const folder = newFolder();
  writeProfiles(folder, { "test/meter": meterProfile });
  await using daemon = await startDaemon({
    folder,
    yaml: configuration({ port: meters.port, more: "history: {}\n" }),
  });
  await daemon.until(({ devices }) => devices[0]?.state === "available");
  // What was recorded until now is in the database when it answers.
  const asked = await run(["history", "meter-1", "voltage", "--json", "--socket", daemon.socket]);
  expect(asked).toMatchObject({ code: 0, err: "" });
  const rows = asked.out.split("\n").filter(Boolean);
  expect(rows.length).toBeGreaterThan(0);
  expect(JSON.parse(rows[0] ?? "")).toMatchObject({ point: "voltage", value: 230.5 });
  expect(daemon.log.filter(({ level }) => Number(level) > 30)).toEqual([]);
});

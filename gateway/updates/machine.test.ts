import { expect, it } from "vitest";
import { afterStart, choose, toInstall } from "./machine.ts";
import { emptyRecord, type UpdateRecord } from "./record.ts";

const running = { slot: "A", version: "1.0.0", boot: "boot-1" };
const target = { version: "2.0.0", file: "2.0.0.raucb", by: "city" };
const before = { lines: [], northbound: [] };

function asked(record: UpdateRecord): UpdateRecord {
  const next = choose(record, target, running);
  if ("code" in next) throw new Error(next.message);
  return next;
}

it("counts interrupted installs, however often the same version is asked for in between", () => {
  let record = asked(emptyRecord);
  for (let cut = 1; cut <= 2; cut++) {
    record = afterStart(toInstall({ ...record, phase: "verified" }, before), running);
    expect([record.phase, record.attempts]).toEqual(["verified", cut]);
    // The city's word is retained: it comes at every start, and may come twice.
    record = asked(asked(record));
    expect([record.phase, record.attempts]).toEqual(["downloading", cut]);
  }
  record = afterStart(toInstall({ ...record, phase: "verified" }, before), running);
  expect([record.phase, record.why?.code]).toEqual(["refused", "interrupted"]);
});

it("counts anew for another version", () => {
  const record = afterStart(toInstall({ ...asked(emptyRecord), phase: "verified" }, before), running);
  const next = choose(record, { ...target, version: "2.1.0" }, running);
  expect(next).toMatchObject({ phase: "downloading", attempts: 0 });
});

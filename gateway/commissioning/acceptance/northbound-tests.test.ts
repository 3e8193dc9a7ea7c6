import { expect, it } from "vitest";
import type { CheckDone } from "../../model/commissioning.ts";
import type { JobStep } from "../jobs.ts";
import { noteNorthboundTests } from "./northbound-tests.ts";

const check = (result: CheckDone["result"]): JobStep => ({
  finding: { kind: "check", id: "tcp", result, message: { en: "x" } },
});

async function notesOf(steps: readonly JobStep[], { fail = false, stop = false } = {}): Promise<unknown[]> {
  const notes: unknown[] = [];
  const stopped = new AbortController();
  const kinds = noteNorthboundTests(
    {
      "northbound-test": ({ northbound }) => ({
        subject: String(northbound),
        async *run() {
          yield* steps;
          if (stop) stopped.abort();
          if (fail) throw new Error("it broke");
        },
      }),
    },
    async (name, ok) => {
      notes.push([name, ok]);
    },
  );
  const job = await kinds["northbound-test"]?.({ northbound: "city" }, "kim");
  const seen: JobStep[] = [];
  try {
    for await (const step of job?.run(stopped.signal) ?? []) seen.push(step);
  } catch (error) {
    expect(String(error)).toContain("it broke");
  }
  expect(seen).toEqual(steps);
  return notes;
}

it("notes what a test of a far side found", async () => {
  expect(await notesOf([check("ok"), check("warning"), check("not-applicable")])).toEqual([["city", true]]);
  expect(await notesOf([check("ok"), check("failed")])).toEqual([["city", false]]);
  expect(await notesOf([])).toEqual([["city", false]]);
  expect(await notesOf([check("ok")], { fail: true })).toEqual([["city", false]]);
  expect(await notesOf([check("ok")], { stop: true })).toEqual([]);
});

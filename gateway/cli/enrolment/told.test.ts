import { describe, expect, it } from "vitest";
import type { MachineSource } from "../../commissioning/machine.ts";
import type { Progress } from "../../enrolment/progress.ts";
import { progressFile } from "../../enrolment/progress-file.ts";
import { readEnrolment } from "./told.ts";

const machineWith = (text: string | undefined): MachineSource => ({
  read: async (path) => (path === progressFile ? text : undefined),
  list: async () => [],
  space: async () => undefined,
  addresses: () => [],
  node: { version: "v24", platform: "linux" },
});

describe("what the enrolment has told", () => {
  it("is read from its file, with nothing that it does not know", async () => {
    const told: Progress & { at: string } = {
      state: "failed",
      gateway: "pole-17",
      why: { code: "token-expired", message: "the token was good until yesterday", hint: "a new one" },
      nextS: 60,
      at: "2026-11-22T05:00:00.000Z",
    };
    const text = JSON.stringify({ ...told, token: "9f3c0c2a7d5e" });
    expect(await readEnrolment(machineWith(text))).toEqual(told);
  });

  it.each([
    ["no file", undefined],
    ["a file that was cut", '{"state":"enr'],
    ["a state of another version", '{"state":"dreaming"}'],
  ])("is nothing where there is %s", async (_, text) => {
    expect(await readEnrolment(machineWith(text))).toBeUndefined();
  });
});

import { describe, expect, it } from "vitest";
import { enrolmentStates } from "../../enrolment/progress.ts";
import { phases } from "../../updates/record.ts";
import { isUnderWay, stepsOfEnrolment, stepsOfUpdate } from "./steps.ts";

const why = (code: string) => ({ code, message: "" });
/** `done done now later later`. */
const said = (steps: readonly { state: string }[]) => steps.map(({ state }) => state).join(" ");

describe("the steps of the enrolment", () => {
  it.each([
    ["waiting-for-time", undefined, "done waiting later later later"],
    ["waiting-for-network", "est-unreachable", "done done waiting later later"],
    ["enrolling", undefined, "done done now later later"],
    ["enrolling", "est-answer", "done done done waiting later"],
    ["waiting-for-approval", undefined, "done done done waiting later"],
    ["enrolled", undefined, "done done done done done"],
    ["renewing", "est-unreachable", "done done done done done"],
    ["failed", "provision-config", "wrong later later later later"],
    ["failed", "token-expired", "wrong later later later later"],
    ["failed", "est-time", "done wrong later later later"],
    ["failed", "est-tls", "done done wrong later later"],
    ["failed", "request-refused", "done done done wrong later"],
    ["failed", "wrong-ca", "done done done done wrong"],
    ["failed", "certificate-refused", "done done done done wrong"],
    ["not-wanted", undefined, ""],
  ])("%s, %s: %s", (state, code, expected) => {
    expect(said(stepsOfEnrolment({ state, why: code === undefined ? undefined : why(code) }))).toBe(expected);
  });

  it("are known for every state that there is", () => {
    const without = enrolmentStates.filter((state) => stepsOfEnrolment({ state }).length === 0);
    expect(without).toEqual(["not-wanted"]);
  });
});

describe("the steps of an update", () => {
  it.each([
    ["downloading", undefined, "now later later later later later"],
    ["downloading", "download-failed", "waiting later later later later later"],
    ["verified", undefined, "done waiting later later later later"],
    ["installing", undefined, "done done now later later later"],
    ["rebooting", undefined, "done done done now later later"],
    ["trying", "waiting", "done done done done now later"],
    ["committing", undefined, "done done done done done now"],
    ["committed", undefined, "done done done done done done"],
    ["rolled-back", "unhealthy", "done done done done wrong later"],
    ["rolled-back", "not-started", "done done done wrong later later"],
    ["refused", "downgrade", "wrong later later later later later"],
    ["refused", "install-failed", "done done wrong later later later"],
    ["idle", undefined, ""],
  ])("%s, %s: %s", (phase, code, expected) => {
    expect(said(stepsOfUpdate({ phase, why: code === undefined ? undefined : why(code) }))).toBe(expected);
  });

  it("are known for every phase, and say which go on by themselves", () => {
    expect(phases.filter((phase) => stepsOfUpdate({ phase }).length === 0)).toEqual(["idle"]);
    const going = phases.filter((phase) =>
      stepsOfUpdate({ phase }).some(({ state }) => state === "now" || state === "waiting"),
    );
    expect(phases.filter(isUnderWay)).toEqual([...going, "rolling-back"]);
    expect(isUnderWay(undefined)).toBe(false);
  });
});

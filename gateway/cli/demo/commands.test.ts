import { describe, expect, it } from "vitest";
import type { Asked } from "../../../simulators/scenes/control-room.ts";
import { CommandPanel, commandLine, history, panelTitle } from "./commands.ts";

const asked = (told: readonly Record<string, unknown>[], more: Partial<Asked> = {}): Asked => ({
  id: "a1",
  device: "park-lamp",
  point: "level",
  value: 55,
  unit: "%",
  issuer: "city-control",
  own: true,
  time: Date.UTC(2026, 10, 22, 6, 14, 49),
  told,
  ...more,
});
const executing = { state: "executing" };
const byRadio = [
  { state: "accepted" },
  executing,
  { ...executing, stage: "queued" },
  { ...executing, stage: "sent" },
];

describe("what happened to a command", () => {
  it.each([
    ["nothing yet", [], "sent to the broker"],
    ["on its way", [{ state: "accepted" }, executing], "accepted → executing"],
    [
      "read back",
      [{ state: "accepted" }, executing, { state: "succeeded", value: 40, verified: true, last: true }],
      "accepted → executing → succeeded: 40 %, read back",
    ],
    [
      "nothing shows it",
      [{ state: "accepted" }, { state: "succeeded", value: 40, last: true }],
      "accepted → succeeded: 40 %, not read back",
    ],
    [
      "it was so",
      [{ state: "accepted" }, { state: "succeeded", value: 40, unchanged: true, last: true }],
      "accepted → succeeded: 40 %, it was that already",
    ],
    [
      "confirmed by an uplink",
      [...byRadio, { state: "succeeded", value: 55, verified: true, last: true }],
      "accepted → executing → queued → sent → succeeded: 55 %, confirmed by its next uplink",
    ],
    [
      "sent, which is no delivery",
      [
        ...byRadio,
        { state: "succeeded", value: 55, text: "sent; whether it arrived is not known", last: true },
      ],
      "accepted → executing → queued → sent → succeeded: 55 %, sent; whether it arrived is not known",
    ],
    [
      "never seen again",
      [...byRadio, { state: "failed", code: "not-verified", text: "not seen", last: true }],
      "accepted → executing → queued → sent → failed: not-verified (not seen)",
    ],
    [
      "refused",
      [{ state: "failed", code: "out-of-range", text: "140 is not within 0..100", last: true }],
      "refused: out-of-range (140 is not within 0..100)",
    ],
  ])("%s", (_, told, text) => {
    expect(history(asked(told), 200)).toBe(text);
  });

  it("says the end where there is no room for all", () => {
    const told = [...byRadio, { state: "succeeded", value: 55, verified: true, last: true }];
    expect(history(asked(told), 60)).toBe("… sent → succeeded: 55 %, confirmed by its next uplink");
    expect(history(asked(told), 10)).toBe("… succeeded: 55 %, confirmed by its next uplink");
  });

  it("says who else commanded", () => {
    const told = [{ state: "succeeded", value: "on", verified: true, last: true }];
    const schedule = asked(told, {
      own: false,
      issuer: "schedule:fountain-on",
      value: "on",
      unit: undefined,
    });
    expect(history(schedule, 200)).toBe("by schedule:fountain-on → succeeded: on, the device shows it");
  });

  it("is a line where there is no table", () => {
    expect(commandLine(asked([{ state: "accepted" }]))).toBe(
      "2026-11-22T06:14:49.000Z command by city-control: park-lamp level 55 %: accepted",
    );
  });
});

it("shows the newest commands, each in its place", () => {
  const panel = new CommandPanel();
  for (const id of ["a", "b", "c"]) panel.add(asked([], { id, device: `lamp-${id}` }));
  panel.add(asked([{ state: "accepted" }], { id: "b", device: "lamp-b" }));
  expect(panel.text(2, 80).split("\n")).toEqual([
    panelTitle,
    "time      device  point  value  what happened",
    "--------  ------  -----  -----  ------------------",
    "06:14:49  lamp-b  level  55 %   accepted",
    "06:14:49  lamp-c  level  55 %   sent to the broker",
  ]);
});

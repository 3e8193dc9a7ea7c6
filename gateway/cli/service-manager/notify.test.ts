import { describe, expect, it } from "vitest";
import { openNotify, type Ways } from "./notify.ts";

function told({ broken = false, socket = true } = {}) {
  const written: string[] = [];
  const runs: string[][] = [];
  const failures: unknown[] = [];
  const release: PromiseWithResolvers<void>[] = [];
  const ways: Ways = {
    write(fd, text) {
      if (broken) throw Object.assign(new Error("EAGAIN"), { code: "EAGAIN" });
      written.push(`${fd} ${text}`);
    },
    isSocket: () => socket,
    run(assignments) {
      runs.push([...assignments]);
      release.push(Promise.withResolvers());
      return release.at(-1)!.promise;
    },
  };
  const open = (env: Record<string, string>) =>
    openNotify({ NOTIFY_SOCKET: "/run/systemd/notify", ...env }, 42, (error) => failures.push(error), ways);
  return { written, runs, failures, release, ways, open };
}

const handedOver = { LISTEN_PID: "42", LISTEN_FDS: "2", LISTEN_FDNAMES: "other:notify" };

describe("sd_notify", () => {
  it("says nothing where no service manager listens", () => {
    expect(openNotify(handedOver, 42, () => {}, told().ways)).toBeUndefined();
  });

  it("writes on the socket that the unit hands over, found by its name", () => {
    const { written, runs, open } = told();
    open(handedOver)!({ READY: "1", STATUS: "devices 1 of 2\nWATCHDOG=1" });
    // A value cannot smuggle in another assignment.
    expect(written).toEqual(["4 READY=1\nSTATUS=devices 1 of 2 WATCHDOG=1"]);
    expect(runs).toEqual([]);
  });

  it.each([
    ["it was meant for another process", { ...handedOver, LISTEN_PID: "41" }, true],
    ["there is none of that name", { ...handedOver, LISTEN_FDNAMES: "a:b" }, true],
    ["there are fewer than names", { ...handedOver, LISTEN_FDS: "1" }, true],
    ["it is no socket", handedOver, false],
    ["nothing was handed over", {}, true],
  ])("runs systemd-notify when %s", async (_why, env, socket) => {
    const { written, runs, open } = told({ socket });
    open(env)!({ WATCHDOG: "1" });
    await Promise.resolve();
    expect(written).toEqual([]);
    expect(runs).toEqual([["WATCHDOG=1"]]);
  });

  it("runs systemd-notify when the socket does not take it", async () => {
    const { runs, open } = told({ broken: true });
    open(handedOver)!({ READY: "1" });
    await Promise.resolve();
    expect(runs).toEqual([["READY=1"]]);
  });

  it("runs one at a time; what is said meanwhile goes together, the last word last", async () => {
    const { runs, release, failures, open } = told();
    const notify = open({})!;
    notify({ READY: "1", STATUS: "a" });
    await Promise.resolve();
    notify({ READY: "1" });
    notify({ RELOADING: "1" });
    notify({ STATUS: "b" });
    notify({ READY: "1" });
    await Promise.resolve();
    expect(runs).toEqual([["READY=1", "STATUS=a"]]);
    release[0]!.reject(new Error("no systemd-notify here"));
    await new Promise(setImmediate);
    expect(failures).toEqual([new Error("no systemd-notify here")]);
    expect(runs).toEqual([
      ["READY=1", "STATUS=a"],
      ["RELOADING=1", "STATUS=b", "READY=1"],
    ]);
  });
});

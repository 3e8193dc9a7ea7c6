import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../../gateway/cli/index.ts";
import {
  type Actuators,
  actuatorUnits,
  lockAddress,
  openActuators,
} from "../../simulators/actuators/open.ts";
import { type Daemon, root, startDaemon } from "./daemon.ts";

// `stadsnod write` and `stadsnod command`, at a running gateway with simulated actuators.

let actuators: Actuators;
let daemon: Daemon;

beforeAll(async () => {
  actuators = await openActuators();
  daemon = await startDaemon({
    yaml: `gateway: {id: gw-cli, pen: 32474}
profiles: [${join(root, "device-profiles")}]
connections:
  field: {protocol: modbus, tcp: {host: 127.0.0.1, port: ${actuators.port}}}
  door: {protocol: serial-frame, serial: {port: ${actuators.lockPath}, baud: 9600}}
devices:
  lamp-1: {profile: generic/dali-lamp, connection: field, unit: ${actuatorUnits.lamp}}
  relays-1: {profile: generic/relay-board, connection: field, unit: ${actuatorUnits.relays}}
  pump-1: {profile: generic/pump, connection: field, unit: ${actuatorUnits.pump}}
  door-1: {profile: generic/door-lock, connection: door, address: ${lockAddress}}
poll: {fast: 500ms, normal: 1s, slow: 2s}
storage: {folder: store, maxBytes: 50MB}
`,
  });
  await daemon.until(({ devices }) =>
    devices.every(({ state, problem }) => state === "available" && problem === undefined),
  );
});
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await actuators?.[Symbol.asyncDispose]();
});

interface Running {
  readonly out: string;
  readonly err: string;
  readonly code: Promise<number>;
  type(text: string): void;
  /** Resolves when it was said on either stream. */
  said(text: string): Promise<void>;
  stop(): void;
}

function begin(args: readonly string[], terminal = false): Running {
  const input = new PassThrough();
  const stop = new AbortController();
  const said = { out: "", err: "" };
  let waiting: { text: string; resolve: () => void }[] = [];
  const take = (where: "out" | "err") => (text: string) => {
    said[where] += text;
    const heard = waiting.filter((one) => (said.out + said.err).includes(one.text));
    waiting = waiting.filter((one) => !heard.includes(one));
    for (const { resolve } of heard) resolve();
  };
  const code = runCli(args, {
    cwd: daemon.folder,
    env: { STADSNOD_SOCKET: daemon.socket },
    signal: stop.signal,
    onReload: () => {},
    input: terminal ? input : undefined,
    out: take("out"),
    err: take("err"),
    columns: terminal ? 120 : undefined,
    rows: terminal ? 40 : undefined,
  });
  return {
    code,
    get out() {
      return said.out;
    },
    get err() {
      return said.err;
    },
    type: (text) => void input.write(text),
    said: (text) =>
      (said.out + said.err).includes(text)
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ text, resolve })),
    stop: () => stop.abort(new Error("stopped")),
  };
}

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const running = begin(args);
  const code = await running.code;
  return { code, out: running.out, err: running.err };
}

describe("stadsnod write", () => {
  it("tells what happens, up to the last word", async () => {
    const written = actuators.lamp.written.length;
    expect(await run("write", "lamp-1", "level", "80", "--reason", "dusk")).toEqual({
      code: 0,
      // The lamp fades: it may be read back within the profile's tolerance.
      out: expect.stringMatching(
        /^accepted\nexecuting\nsucceeded: level of lamp-1 is (?:80|79\.\d) % \(was 0 %, read back\)\n$/,
      ),
      err: "",
    });
    expect(await run("write", "lamp-1", "level", "40 %")).toMatchObject({ code: 0, err: "" });
    expect(actuators.lamp.written.slice(written).map(({ value }) => value)).toEqual([800, 400]);
  });

  it("types the value as the profile says", async () => {
    expect((await run("write", "relays-1", "relay_2", "on")).out).toContain(
      "relay_2 of relays-1 is on (was off",
    );
    expect((await run("write", "relays-1", "relay_2", "till")).out).toContain(
      "is already on (nothing was written)",
    );
    expect((await run("write", "pump-1", "run", "on")).out).toContain(
      "run of pump-1 is true (was false, read back)",
    );
    expect((await run("write", "pump-1", "run", "off")).code).toBe(0);
    expect([actuators.relays.isOn(1), actuators.pump.written.map(({ value }) => value)]).toEqual([
      true,
      [1, 0],
    ]);
  });

  it.each([
    [["lmap-1", "level", "80"], 'there is no device "lmap-1" [unknown-device]\nhint: did you mean "lamp-1"?'],
    [["lamp-1", "levle", "80"], 'lamp-1 has no point "levle" [unknown-point]\nhint: did you mean "level"?'],
    [
      ["lamp-1", "power", "80"],
      '"power" can only be read [read-only]\nhint: lamp-1 takes writes of level, fade_time',
    ],
    [["lamp-1", "level", "80 W"], '"80 W" is no value of level [bad-value]\nhint: it is in %'],
    [["lamp-1", "level", "bright"], "hint: it takes 0 to 100 %"],
    [["door-1", "lock", "unlokced"], 'hint: did you mean "unlocked"?'],
    [["lamp-1", "level", "80", "--expires", "10m"], "lives 5m at most [expiry-too-long]"],
    [["lamp-1", "level", "80", "--expires", "soon"], 'not a duration: "soon"'],
    [
      ["lamp-1", "level", "80", "--priority", "king"],
      "Allowed choices are safety, operator, schedule, automation",
    ],
  ])("%j is a wrong command line", async (args, said) => {
    const { code, out, err } = await run("write", ...args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(said);
  });

  it.each([
    [["lamp-1", "level", "180"], "180 is not within 0..100 [out-of-range]\nhint: it takes 0 to 100 %\n"],
    [["lamp-1", "level", "-5"], "-5 is not within 0..100 [out-of-range]"],
    [["lamp-1", "fade_time", "0.25"], "[off-step]\nhint: it takes 0.1 to 60 s, in steps of 0.1\n"],
  ])("%j is refused, dry or not, and says what would be taken", async (args, said) => {
    const before = actuators.lamp.attempts;
    for (const more of [[], ["--dry-run"]]) {
      const { code, out, err } = await run("write", ...args, ...more);
      expect([code, out]).toEqual([1, ""]);
      expect(err).toContain(said);
    }
    expect(actuators.lamp.attempts).toBe(before);
  });

  it("tells why it failed, and what to do", async () => {
    actuators.pump.lockout = true;
    expect((await run("read", "pump-1", "lockout")).code).toBe(0);
    const { code, err } = await run("write", "pump-1", "run", "on");
    expect(code).toBe(1);
    expect(err).toMatch(/\[interlock\]\nhint: what it needs is told by: stadsnod read pump-1\n$/);
    actuators.pump.lockout = false;
  });

  it("dry: says whether it would be accepted, and writes nothing", async () => {
    const before = actuators.lamp.attempts;
    expect(await run("write", "lamp-1", "level", "70", "--dry-run")).toEqual({
      code: 0,
      out: "it would be accepted\n",
      err: "",
    });
    const json = await run("write", "lamp-1", "level", "170", "--dry-run", "--json");
    expect([json.code, JSON.parse(json.out)]).toMatchObject([
      1,
      { accepted: false, result: { code: "out-of-range" } },
    ]);
    expect(actuators.lamp.attempts).toBe(before);
  });

  it("gives every result as JSON", async () => {
    const { code, out } = await run("write", "relays-1", "relay_3", "on", "--json");
    const results = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(results.map(({ state }) => state)).toEqual(["accepted", "executing", "succeeded"]);
    expect(new Set(results.map(({ id }) => id)).size).toBe(1);
  });

  it("finds no gateway", async () => {
    expect((await run("write", "lamp-1", "level", "80", "--socket", "nowhere.sock")).code).toBe(3);
  });
});

describe("two steps", () => {
  it("at once with --confirm", async () => {
    const { code, out } = await run("write", "door-1", "lock", "unlocked", "--confirm");
    expect([code, out]).toEqual([
      0,
      "accepted, armed\nexecuting\nsucceeded: lock of door-1 is unlocked (was locked, read back)\n",
    ]);
    expect((await run("write", "door-1", "lock", "locked", "--confirm")).code).toBe(0);
    expect(actuators.lock.written.map(({ value }) => value)).toEqual([5, 1]);
  });

  it("asks on a terminal, and takes no for no", async () => {
    const before = actuators.lock.attempts;
    const asked = begin(["write", "door-1", "lock", "unlocked"], true);
    await asked.said("Carry out lock = unlocked of door-1? [y/N] ");
    asked.type("n\n");
    expect(await asked.code).toBe(1);
    expect(asked.out).toContain("not confirmed: it is given up when its time is over");
    expect(actuators.lock.attempts).toBe(before);
  });

  it("asks on a terminal, and takes yes for yes", async () => {
    const asked = begin(["write", "door-1", "lock", "unlocked"], true);
    await asked.said("[y/N] ");
    asked.type("y\n");
    expect(await asked.code).toBe(0);
    expect(asked.out).toMatch(/succeeded: lock of door-1 is unlocked/);
  });

  it("waits elsewhere for who confirms it", async () => {
    const waiting = begin(["write", "door-1", "lock", "locked"]);
    await waiting.said("stadsnod command confirm cli-");
    const id = /confirm (cli-[\w-]+)/.exec(waiting.err)?.[1] ?? "";
    const open = await run("command", "list", "--open", "--json");
    expect(
      open.out
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    ).toContainEqual(expect.objectContaining({ id, state: "accepted", stage: "armed" }));
    const confirmed = await run("command", "confirm", id);
    expect([confirmed.code, await waiting.code]).toEqual([0, 0]);
    expect(confirmed.out).toMatch(/succeeded: lock of door-1 is (?:already )?locked/);
    const late = await run("command", "confirm", id);
    expect(late.code).toBe(1);
    expect(late.err).toContain("[confirmation-late]");
  });

  it("goes on without who stops waiting", async () => {
    const waiting = begin(["write", "door-1", "lock", "unlocked", "--expires", "5s"]);
    await waiting.said("stadsnod command confirm cli-");
    waiting.stop();
    expect(await waiting.code).toBe(1);
    expect(waiting.err).toMatch(/it goes on without us: stadsnod command show cli-/);
  });
});

describe("stadsnod command", () => {
  it("lists commands and holds, shows one, and releases", async () => {
    expect((await run("write", "relays-1", "relay_4", "on")).code).toBe(0);
    const weaker = await run("write", "relays-1", "relay_4", "off", "--priority", "automation");
    expect(weaker.code).toBe(1);
    expect(weaker.err).toContain(
      "[overridden]\nhint: wait, or have it released: stadsnod command release relays-1 relay_4",
    );
    const list = await run("command", "list", "--point", "relay_4");
    expect(list.out).toMatch(/relays-1 +relay_4 +failed \(overridden\)/);
    expect(list.out).toMatch(/relays-1 +relay_4 +succeeded +on +local/);
    expect(list.out).toMatch(/held device.*\n.*\nrelays-1 +relay_4 +on +operator +local +20/);
    expect((await run("command", "list", "--device", "nobody")).out).toBe("no commands\n");

    expect(await run("command", "release", "relays-1", "relay_4")).toMatchObject({
      code: 0,
      out: "released\n",
    });
    expect(await run("command", "release", "relays-1", "relay_4")).toMatchObject({
      code: 0,
      out: "nobody held it\n",
    });
    expect((await run("write", "relays-1", "relay_4", "off", "--priority", "automation")).code).toBe(0);

    const [latest] = (await run("command", "list", "--limit", "1", "--json")).out.split("\n");
    const { id } = JSON.parse(latest ?? "");
    expect((await run("command", "show", id)).out).toMatch(/state +succeeded/);
    expect(JSON.parse((await run("command", "show", id, "--json")).out)).toMatchObject({ id, value: "off" });
    expect((await run("command", "show", "nothing")).code).toBe(2);
    expect((await run("command", "confirm", "nothing")).code).toBe(2);
  });

  it("watches what becomes of all", async () => {
    const watching = begin(["command", "watch", "--device", "lamp-1", "--json"]);
    const first = begin(["command", "watch", "--device", "lamp-1"]);
    // Only what comes after they listen is told: asked again until it is heard.
    for (let value = 20; !watching.out.includes("succeeded") || !first.out.includes("succeeded"); value++)
      expect((await run("write", "lamp-1", "level", String(value))).code).toBe(0);
    watching.stop();
    first.stop();
    expect([await watching.code, await first.code]).toEqual([0, 0]);
    expect(JSON.parse(watching.out.split("\n")[0] ?? "")).toMatchObject({ device: "lamp-1", point: "level" });
    expect(first.out).toMatch(/cli-[\w-]+ {2}lamp-1 {2}level {2}succeeded {2}\d\d(?:\.\d)? {2}local/);
  });
});

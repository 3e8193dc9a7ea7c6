import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FlowNode, flowProgram, type NodeRedFacts } from "../../scripts/image/node-red-trial.ts";
import { pack } from "../../scripts/install/pack.ts";
import { type Hang, layOutField, WatchedGateway } from "./hangs.ts";
import { Machine, makeDebian, until } from "./machine.ts";

// The package, on a Debian 13 whose first process is its own systemd: what runs there is what runs on a gateway, but for
// devices and limits of memory, which these namespaces do not have.

const unit = "stadsnod.service";
let root: string;
let machine: Machine;
let out: string;
let before: ReadonlyMap<string, string>;

/** Where the packages lie inside: in memory, so that they are not among the files that are compared. */
const packages = "/run/packages";

beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), "stadsnod-package-"));
  const tarball = pack("amd64", out, "1.0.0");
  root = await makeDebian("trixie");
  cpSync(tarball, join(root, "package.tar.gz"));
  await layOutField(root);
  machine = await Machine.boot(root);
  await machine.must("mkdir", packages);
  await machine.must("tar", "-C", packages, "-xzf", "/package.tar.gz");
  await machine.must("mv", `${packages}/stadsnod-1.0.0-linux-amd64`, `${packages}/1.0.0`);
  rmSync(join(root, "package.tar.gz"));
  await machine.must("mv", "/field", "/run/field");
  before = everything(root);
}, 600_000);

afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  if (root) rmSync(dirname(root), { recursive: true, force: true });
  if (out) rmSync(out, { recursive: true, force: true });
}, 60_000);

const install = (version: string, ...options: string[]) =>
  machine.run(`${packages}/${version}/install.sh`, ...options);

/** Another release: the same program with another number, changed inside by shell commands. */
async function release(version: string, change = "true"): Promise<void> {
  const folder = `${packages}/${version}`;
  await machine.must("cp", "-a", `${packages}/1.0.0`, folder);
  await machine.must(
    "sh",
    "-ec",
    `cd ${folder}; echo ${version} >VERSION; ${change}
     rm SHA256SUMS; find . -type f ! -name SHA256SUMS -printf '%P\\n' | xargs -d '\\n' sha256sum >/run/sums; mv /run/sums SHA256SUMS`,
  );
}

/** Hands in 42, again and again. */
const answers: readonly FlowNode[] = [
  { id: "tab", type: "tab", label: "answers" },
  { id: "gateway", type: "stadsnod-gateway", connection: "socket", socket: "", url: "", fingerprint: "" },
  {
    id: "in",
    type: "inject",
    z: "tab",
    props: [{ p: "payload" }],
    payload: "42",
    payloadType: "num",
    once: true,
    onceDelay: 0.1,
    repeat: "1",
    crontab: "",
    wires: [["out"]],
  },
  { id: "out", type: "stadsnod-publish", z: "tab", gateway: "gateway", point: "answer", wires: [] },
];

const mainPid = () => machine.property(unit, "MainPID");
const version = async () => (await machine.must("cat", "/opt/stadsnod/current/VERSION")).trim();

describe("the plain install on Debian 13 with its own systemd", () => {
  it("says what it would do, and does nothing", async () => {
    const { code, out: text } = await install("1.0.0", "--dry-run");
    expect(text).toContain("would run: systemctl enable --quiet stadsnod.service");
    expect(code).toBe(0);
    expect(changes(before, everything(root))).toEqual([]);
  });

  it("refuses a package that is damaged, or of another architecture", async () => {
    await release("damaged", "true");
    await machine.must("sh", "-c", `echo >>${packages}/damaged/dist/stadsnod.js`);
    expect(await install("damaged")).toMatchObject({ code: 1, out: expect.stringContaining("damaged") });
    await release("foreign", "echo arm64 >ARCHITECTURE");
    expect(await install("foreign")).toMatchObject({
      code: 1,
      out: expect.stringContaining("this package is for arm64"),
    });
    expect(changes(before, everything(root))).toEqual([]);
  });

  it("installs, and the gateway is READY", async () => {
    const { code, out: text } = await install("1.0.0");
    expect(text).toContain("version 1.0.0 runs: devices 0 of 0");
    expect(code).toBe(0);
    expect(await machine.property(unit, "ActiveState")).toBe("active");
    expect(await machine.property(unit, "StatusText")).toBe("devices 0 of 0");
    expect(await machine.property(unit, "UnitFileState")).toBe("enabled");
    // Its own words over systemd's socket: no helper was started.
    expect(
      await machine.must("sh", "-c", "cat /sys/fs/cgroup/system.slice/stadsnod.service/cgroup.procs | wc -l"),
    ).toBe("1");
    expect(await machine.must("stadsnod", "status")).toContain("Stadsnod 0.1.0");
    expect(await machine.must("stat", "-c", "%U:%G %a", "/run/stadsnod/stadsnod.sock")).toBe(
      "stadsnod:stadsnod 660",
    );
    expect(await machine.must("stat", "-c", "%U:%G %a", "/etc/stadsnod/gateway.yaml")).toBe(
      "stadsnod:stadsnod 640",
    );
  });

  it("opens no port", async () => {
    expect(await machine.must("ss", "-Hlntu")).toBe("");
  });

  it("runs without rights: it can write where its state is, and nowhere else", async () => {
    const pid = await mainPid();
    const status = await machine.must("cat", `/proc/${pid}/status`);
    for (const set of ["CapPrm", "CapEff", "CapBnd", "CapAmb"])
      expect(status).toMatch(new RegExp(`${set}:\\t0+\\n`));
    expect(status).toMatch(/NoNewPrivs:\t1/);
    expect(status).toMatch(/Seccomp:\t2/);
    expect(status).not.toMatch(/Uid:\t0/);
    const mounts = await machine.must("cat", `/proc/${pid}/mountinfo`);
    const writable = mounts
      .split("\n")
      .map((line) => line.split(" "))
      .filter(([, , , , , options]) => options?.split(",").includes("rw"))
      .map(([, , , , path]) => path);
    for (const path of ["/var/lib/stadsnod", "/run/stadsnod", "/var/cache/stadsnod", "/etc/stadsnod"])
      expect(writable).toContain(path);
    for (const path of ["/", "/etc", "/opt", "/usr", "/boot", "/var"]) expect(writable).not.toContain(path);
  });

  it("lets the daemon replace its gateway.yaml, and not what is root's", async () => {
    const daemon = ["setpriv", "--reuid=stadsnod", "--regid=stadsnod", "--clear-groups", "sh", "-c"] as const;
    const folder = "cd /etc/stadsnod && ";
    await machine.must(...daemon, `${folder}cp gateway.yaml new && mv new gateway.yaml`);
    await machine.must("install", "-m", "0640", "-g", "stadsnod", "/dev/null", "/etc/stadsnod/secrets/one");
    await machine.must(...daemon, `${folder}cat secrets/one`);
    for (const forbidden of [
      "echo x >secrets/one",
      "rm -f secrets/one",
      "mv secrets other",
      "touch secrets/two",
    ])
      expect((await machine.run(...daemon, folder + forbidden)).code, forbidden).not.toBe(0);
  });

  it("has units that systemd understands, with little to attack", async () => {
    const units = `${packages}/1.0.0/install/units`;
    for (const name of (await machine.must("ls", units))
      .split("\n")
      .filter((one) => one.endsWith(".service"))) {
      expect(await machine.must("systemd-analyze", "verify", "--man=no", `${units}/${name}`), name).toBe("");
      const looked = await machine.run(
        "systemd-analyze",
        "security",
        "--offline=true",
        "--threshold=20",
        `${units}/${name}`,
      );
      const found = /exposure level for \S+: ([\d.]+)/.exec(looked.out)?.[1];
      console.log(`${name}: exposure ${found}`);
      expect(looked.code, name).toBe(0);
    }
  });

  it("is told of a reload, and of a gateway.yaml that is wrong", async () => {
    await machine.must("systemctl", "reload", unit);
    await journal("the configuration was applied");
    await machine.must(
      "sh",
      "-c",
      "cp /etc/stadsnod/gateway.yaml /run/kept; echo 'gateway: [' >/etc/stadsnod/gateway.yaml",
    );
    await machine.must("systemctl", "reload", unit);
    await journal("the configuration was not applied");
    expect(await machine.property(unit, "ActiveState")).toBe("active");
    await machine.must("sh", "-c", "cat /run/kept >/etc/stadsnod/gateway.yaml");
  });

  it("leaves everything as it is when it is installed again", async () => {
    const found = everything(root);
    await machine.must("sh", "-c", "echo '# mine' >>/etc/stadsnod/gateway.yaml");
    expect(await install("1.0.0")).toMatchObject({
      code: 0,
      out: expect.stringContaining("is in its place"),
    });
    expect(await machine.must("tail", "-n", "1", "/etc/stadsnod/gateway.yaml")).toBe("# mine");
    const changed = changes(found, everything(root)).filter((path) => !/^.\/var\//.test(path));
    expect(changed).toEqual(["~/etc/stadsnod/gateway.yaml"]);
  });

  it("repairs what was damaged", async () => {
    await machine.must(
      "sh",
      "-c",
      "echo >>/opt/stadsnod/current/dist/stadsnod.js; rm /usr/local/bin/stadsnod",
    );
    expect((await install("1.0.0")).code).toBe(0);
    await machine.must("sh", "-c", "cd /opt/stadsnod/current && sha256sum --check --quiet SHA256SUMS");
    expect(await machine.must("stadsnod", "--version")).toBe("0.1.0");
  });

  it("upgrades, and goes back", async () => {
    await release("1.1.0");
    expect((await install("1.1.0")).code).toBe(0);
    expect(await version()).toBe("1.1.0");
    const back = ["/opt/stadsnod/current/install.sh", "--back"] as const;
    await machine.must(...back);
    expect(await version()).toBe("1.0.0");
    expect(await machine.property(unit, "ActiveState")).toBe("active");
    await machine.must(...back);
    expect(await version()).toBe("1.1.0");
  });

  it("goes back by itself from a version that does not start", async () => {
    await release("1.2.0", "echo 'process.exit(1)' >dist/stadsnod.js");
    const { code, out: text } = await install("1.2.0");
    expect(text).toContain("version 1.2.0 does not start: version 1.1.0 runs again");
    expect(code).toBe(1);
    expect(await version()).toBe("1.1.0");
    expect(await machine.property(unit, "ActiveState")).toBe("active");
  });

  it("keeps one version beside the one that runs", async () => {
    await release("1.3.0");
    expect((await install("1.3.0")).code).toBe(0);
    expect((await machine.must("ls", "/opt/stadsnod/versions")).split("\n")).toEqual(["1.1.0", "1.3.0"]);
  });

  it("starts a daemon anew that hangs, within twice the watchdog's time", async () => {
    expect(await machine.property(unit, "WatchdogUSec")).toBe("30s");
    const took = await hang();
    expect(took).toBeGreaterThan(14);
    expect(took).toBeLessThanOrEqual(60);
  }, 120_000);

  it("starts it anew 20 times of 20, however it hangs, and loses nothing that it had stored", async () => {
    // About a third of the unit's own times, unless told otherwise, and hardly a pause before the start: 20 hangs
    // take a quarter of an hour at full length. Heard over its own socket alone, without a helper.
    const full = process.env.STADSNOD_WATCHDOG === "full";
    const watchdog = full ? 30 : 10;
    const times = [`WatchdogSec=${watchdog}s`, "TimeoutAbortSec=1s", "RestartSec=100ms", "RestartSteps=0"];
    await using gateway = await WatchedGateway.start(machine, full ? [] : ["NotifyAccess=main", ...times]);
    const seen = await gateway.watchdogs();
    const hangs = [
      ...Array(4).fill(["stops", "loops", "waits", "starves"]).flat(),
      "stops",
      "waits",
      "stops",
      "store",
    ];
    expect(hangs).toHaveLength(20);
    for (const kind of hangs as readonly Hang[]) {
      const { seconds, before, after } = await gateway.hang(kind);
      console.log(
        `${kind}: READY again ${seconds.toFixed(1)} s after the hang; ${before} packs on the disk, then ${after}`,
      );
      // A store that does not answer is given a minute first (health.ts).
      expect(seconds, kind).toBeLessThanOrEqual(2 * watchdog + (kind === "store" ? 60 : 0));
      expect(after, kind).toBeGreaterThanOrEqual(before);
    }
    expect((await gateway.watchdogs()) - seen).toBe(20);
    const { received, missing, streams } = await gateway.settle();
    console.log(`${received} packs of ${streams} runs reached the platform, ${missing} are missing`);
    // One run for each start, and each stored something.
    expect({ missing, streams }).toEqual({ missing: 0, streams: 21 });
  }, 1_800_000);

  it("stops in order", async () => {
    await machine.must("systemctl", "stop", unit);
    expect(await machine.property(unit, "Result")).toBe("success");
    await journal("the gateway stops");
    await machine.must("systemctl", "start", unit);
  });

  describe("with Node-RED", () => {
    const nodeRed = "stadsnod-node-red.service";
    let facts: NodeRedFacts;
    beforeAll(async () => {
      expect((await install(await version(), "--with-node-red")).code).toBe(0);
    }, 120_000);

    it("leaves it where gateway.yaml does not enable it, and starts it as soon as it does", async () => {
      await until(async () => (await machine.property(nodeRed, "ActiveState")) === "inactive" || undefined);
      expect(await machine.property(nodeRed, "Result")).toBe("success");
      await machine.must(
        "sed",
        "-i",
        "s/enabled: false/enabled: true/; s/# https: /https: /; s/^nodeRed:/derivedPoints: {answer: {audience: open}}\\n&/",
        "/etc/stadsnod/gateway.yaml",
      );
      await machine.must("systemctl", "restart", unit);
      await until(async () => (await machine.property(nodeRed, "ActiveState")) === "active" || undefined);
    }, 120_000);

    it("runs a flow that an operator deployed, and hands in what it computes", async () => {
      writeFileSync(join(root, "flow.cjs"), flowProgram(answers));
      const ran = await machine.run("/opt/stadsnod/bin/node", "/flow.cjs");
      rmSync(join(root, "flow.cjs"));
      facts = JSON.parse(/FLOW (.*)/.exec(ran.out)?.[1] ?? JSON.stringify(ran));
      expect(facts).toMatchObject({ stranger: 401, deployed: 200, listens: ["127.0.0.1:1880"] });
      expect(facts.types).toHaveLength(12);
      const latest = `require("node:http").get({ socketPath: "/run/stadsnod/stadsnod.sock", path: "/v1/latest" }, (answer) => answer.pipe(process.stdout))`;
      await until(async () => {
        const told = await machine.must("/opt/stadsnod/bin/node", "-e", latest);
        return /"point":"answer","value":42\b/.test(told) || undefined;
      });
    }, 240_000);

    it("runs it under an account that has no right and opens no door but its own", async () => {
      const uid = await machine.must("id", "-u", "stadsnod-nodered");
      expect(facts.process).toMatchObject({
        Uid: [uid, uid, uid, uid].join("\t"),
        Groups: "",
        CapEff: "0000000000000000",
        CapPrm: "0000000000000000",
        NoNewPrivs: "1",
        Seccomp: "2",
        nice: "10",
        oom_score_adj: "1000",
      });
      expect(facts.door).toBe("EACCES");
      expect(facts.exposure).toBeLessThanOrEqual(2);
      console.log(
        `Node-RED: exposure ${facts.exposure}, ${facts.status.memoryMB} MB, up after ${facts.seconds} s`,
      );
    });

    it("ends it in order", async () => {
      await machine.must("systemctl", "stop", nodeRed);
      expect(await machine.property(nodeRed, "Result")).toBe("success");
    }, 60_000);
  });

  it("uninstalls, and keeps what is the city's", async () => {
    const { code } = await machine.run("/opt/stadsnod/current/uninstall.sh");
    expect(code).toBe(0);
    for (const path of ["opt/stadsnod", "usr/local/bin/stadsnod", "usr/local/lib/systemd"])
      expect(existsSync(join(root, path))).toBe(false);
    expect(existsSync(join(root, "etc/stadsnod/gateway.yaml"))).toBe(true);
    expect((await machine.run("systemctl", "cat", unit)).code).not.toBe(0);
  });

  it("asks before it purges, and then leaves nothing", async () => {
    expect((await install("1.0.0")).code).toBe(0);
    expect(await machine.must("tail", "-n", "1", "/etc/stadsnod/gateway.yaml")).toBe("# mine");
    const refused = await machine.run("sh", "-c", "echo no | /opt/stadsnod/current/uninstall.sh --purge");
    expect(refused).toMatchObject({ code: 1, out: expect.stringContaining("nothing was removed") });
    expect(await machine.property(unit, "ActiveState")).toBe("active");
    await machine.must("sh", "-c", "echo purge | /opt/stadsnod/current/uninstall.sh --purge");
    expect(changes(before, everything(root))).toEqual([]);
  });
});

/** Stops the daemon as a hang does, and returns how long it took until another one was READY, s. */
async function hang(): Promise<number> {
  const hung = await mainPid();
  await machine.must("kill", "-STOP", hung);
  const since = performance.now();
  await until(async () => {
    const [pid, state] = [await mainPid(), await machine.property(unit, "ActiveState")];
    return (pid !== hung && pid !== "0" && state === "active") || undefined;
  });
  return (performance.now() - since) / 1000;
}

function journal(text: string): Promise<true> {
  return until(async () => {
    const lines = await machine.must("journalctl", "--no-pager", "--output=cat", "--unit", unit);
    return lines.includes(text) || undefined;
  });
}

/** Everything in a folder's file system but its journal: kind, owner, mode, and what is in it. */
function everything(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string) => {
    for (const name of readdirSync(join(folder, path))) {
      const inner = `${path}/${name}`;
      if (/^\/(var\/log\/journal|proc|sys|dev|run|tmp)\//.test(inner) || volatile.has(inner)) continue;
      const file = join(folder, inner);
      const { mode, uid, gid } = lstatSync(file);
      const what = `${mode.toString(8)} ${uid}:${gid}`;
      const kind = lstatSync(file);
      if (kind.isDirectory()) {
        found.set(inner, what);
        visit(inner);
      } else if (kind.isSymbolicLink()) found.set(inner, `${what} -> ${readlinkSync(file)}`);
      else if (kind.isFile()) found.set(inner, `${what} ${digest(file)}`);
      else found.set(inner, what);
    }
  };
  visit("");
  return found;
}

/** What the account tools keep of the state before the last one, and their lock. */
const volatile = new Set([
  ...["passwd-", "group-", "shadow-", "gshadow-", "subuid-", "subgid-", ".pwd.lock"].map(
    (name) => `/etc/${name}`,
  ),
  "/var/lib/systemd/random-seed",
]);

function digest(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** Paths that came (+), went (-) or changed (~). */
function changes(from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): string[] {
  const came = [...to.keys()].filter((path) => !from.has(path)).map((path) => `+${path}`);
  const went = [...from.keys()].filter((path) => !to.has(path)).map((path) => `-${path}`);
  const changed = [...from]
    .filter(([path, was]) => to.has(path) && to.get(path) !== was)
    .map(([path]) => `~${path}`);
  return [...came, ...went, ...changed].sort();
}

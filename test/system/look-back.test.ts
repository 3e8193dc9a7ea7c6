import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../../gateway/cli/index.ts";
import { type AuditLog, openAuditLog } from "../../gateway/commands/audit-log.ts";
import { answerAuditLog } from "../../gateway/commands/audit-query.ts";
import { GatewayError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { openFolderDisk } from "../../gateway/store/folder-disk.ts";
import { History } from "../../gateway/telemetry/history.ts";
import { answerHistory } from "../../gateway/telemetry/history-answer.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { bad, good, sampleDevice, samplePoint } from "../telemetry/sample.ts";

// `stadsnod history` and `stadsnod audit-log`, against what the local API answers.

const start = Date.UTC(2026, 10, 1);
const minute = 60_000;
let folder: string;
let storage: string;
let history: History;
let audit: AuditLog;
let server: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-look-back-"));
  storage = join(folder, "data");
  const clock = new VirtualClock({ unix: start });
  const options = { clock, log: silentLog, maxAgeMs: 1e10, maxBytes: 1e8, personal: false };
  history = new History({ ...options, file: join(folder, "history.sqlite") });
  const meter = sampleDevice("meter-1");
  const power = samplePoint("power", { unit: "W" });
  const mode = samplePoint("mode");
  const at = (ms: number) => ({ base: "unix", ms: start + ms }) as const;
  for (let n = 0; n < 12_000; n++) history.record([good(meter, power, (n % 100) + 0.5, at(n * 1000))]);
  history.record([good(meter, mode, '=cmd("x")', at(0)), bad(meter, mode, "comm-error", at(minute))]);
  audit = await openAuditLog({
    disk: await openFolderDisk(join(storage, "audit")),
    clock,
    log: silentLog,
    maxBytes: 1e7,
  });
  for (let n = 0; n < 2_500; n++) {
    const detail = { device: `lamp-${n % 2}`, id: `c-${n}` };
    void audit.record({ what: n % 10 ? "command" : "config", who: n % 3 ? "anna" : "city\u001b[2J", detail });
    if (n % 500 === 499) await audit.settled();
  }
  await audit.settled();
  server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://local");
    const answer =
      url.pathname === "/v1/history"
        ? answerHistory(history, url.searchParams, clock.now())
        : answerAuditLog(audit, url.searchParams);
    answer.then(
      (value) => response.end(JSON.stringify(value)),
      (error: unknown) => {
        const code = error instanceof GatewayError ? error.code : "internal";
        response.writeHead(404).end(JSON.stringify({ error: code, message: String(error) }));
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(join(folder, "socket"), resolve));
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await history[Symbol.asyncDispose]();
  await audit[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: "", err: "" };
  const code = await runCli(args, {
    cwd: folder,
    env: { STADSNOD_SOCKET: undefined },
    signal: new AbortController().signal,
    onReload: () => {},
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    columns: 100,
    rows: 40,
  });
  return { code, ...said };
}
const asked = ["--socket", "socket"];
const all = ["--from", "2026-10-01", "--to", "2026-12-01"];

describe("stadsnod history", () => {
  it("shows a table and a curve for each point", async () => {
    const { code, out } = await run(
      "history",
      "meter-1",
      ...asked,
      ...all,
      "--every",
      "10m",
      "--function",
      "max",
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^mode\ntime \(UTC\)/);
    expect(out).toMatch(/^2026-11-01T00:00:00\.000Z {6}- +comm-error +0$/m);
    expect(out).toMatch(/^power {2}[\u2581-\u2588]+$/m);
    expect(out).toMatch(/^2026-11-01T03:10:00\.000Z {2} 99\.5 {2}W +good +600$/m);
  });

  it("gives every reading as JSON and as CSV, however many answers that takes", async () => {
    const json = await run("history", "meter-1", "power", ...asked, ...all, "--json");
    const rows = json.out.trimEnd().split("\n");
    expect(rows).toHaveLength(12_000);
    expect(JSON.parse(rows[11_999] ?? "")).toEqual({
      device: "meter-1",
      point: "power",
      time: new Date(start + 11_999_000).toISOString(),
      quality: "good",
      value: 99.5,
      unit: "W",
    });
    const csv = await run("history", "meter-1", ...asked, ...all, "--csv");
    const lines = csv.out.trimEnd().split("\n");
    expect(lines).toHaveLength(12_003);
    expect(lines.slice(0, 3)).toEqual([
      "device,point,time,value,unit,quality,count",
      // A spreadsheet must not take a device's text for a formula.
      `meter-1,mode,2026-11-01T00:00:00.000Z,"'=cmd(""x"")",,good,`,
      "meter-1,mode,2026-11-01T00:01:00.000Z,,,comm-error,",
    ]);
    const shown = await run("history", "meter-1", "power", ...asked, ...all);
    expect(shown.out).toContain("... 11000 rows before these (--csv shows all)");
  });

  it.each([
    [["--from", "soon"], 2, "bad-time"],
    [["--every", "often"], 2, "bad-query"],
    [["--function", "median"], 2, "bad-query"],
  ])("refuses %j", async (wrong, code, word) => {
    const found = await run("history", "meter-1", ...asked, ...wrong);
    expect(found.code).toBe(code);
    expect(found.err).toContain(word);
  });

  it("says what there is none of", async () => {
    expect(await run("history", "nobody", ...asked)).toMatchObject({ code: 2, out: "" });
    expect(
      (await run("history", "meter-1", ...asked, "--from", "2020-01-01", "--to", "2020-01-02")).out,
    ).toBe("nothing was recorded in that time\n");
  });
});

describe("stadsnod audit-log", () => {
  it("shows, filters, and never hands control characters to the terminal", async () => {
    const { out, code } = await run(
      "audit-log",
      ...asked,
      "--who",
      "city*",
      "--what",
      "config",
      "--device",
      "lamp-0",
    );
    expect(code).toBe(0);
    expect(out.split("\n")[0]).toBe(
      '1 2026-11-01T00:00:00.000Z config "city\\u001b[2J" {"device":"lamp-0","id":"c-0"}',
    );
    expect(out).not.toContain("\u001b");
    const json = await run("audit-log", ...asked, "--json", "--from", "2026-10-31");
    expect(json.out.trimEnd().split("\n")).toHaveLength(2_500);
    expect((await run("audit-log", ...asked, "--who", "nobody")).out).toBe("no entries\n");
  });

  it("verifies a running gateway's log and the files of one that is down, and exports them alike", async () => {
    const live = await run("audit-log", ...asked, "--verify", "--export", "live.jsonl");
    expect(live).toMatchObject({ code: 0, err: "" });
    expect(live.out).toContain("2500 lines\nthe chain is unbroken");
    const files = await run("audit-log", "--folder", "data", "--verify", "--export", "files.jsonl");
    expect(files.out).toBe(live.out);
    expect(readFileSync(join(folder, "files.jsonl"), "utf8")).toBe(
      readFileSync(join(folder, "live.jsonl"), "utf8"),
    );
    const { n, hash } = audit.status().head ?? { n: 0, hash: "" };
    expect((await run("audit-log", "--folder", "data", "--verify", "--head", `${n}:${hash}`)).code).toBe(0);
    const later = await run("audit-log", "--folder", "data", "--verify", "--head", `${n + 1}:${hash}`);
    expect(later).toMatchObject({ code: 1, out: expect.stringContaining("known from elsewhere") });
    expect(await run("audit-log", "--folder", "data", "--export", "live.jsonl")).toMatchObject({ code: 2 });
  });

  it("exits with 1 and names the line when somebody changed one", async () => {
    const [name = ""] = readdirSync(join(storage, "audit"));
    const text = readFileSync(join(storage, "audit", name), "utf8");
    writeFileSync(join(folder, name), text.replace('"id":"c-1233"', '"id":"c-1234"'));
    const found = await run("audit-log", "--folder", ".", "--verify");
    expect(found.code).toBe(1);
    expect(found.out).toContain(
      "the chain breaks at line 1235 (number 1235): the line before was changed, or this one",
    );
    const json = await run("audit-log", "--folder", ".", "--verify", "--json");
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, broken: { line: 1235 } });
    expect(await run("audit-log", "--folder", "nowhere")).toMatchObject({ code: 2 });
  });
});

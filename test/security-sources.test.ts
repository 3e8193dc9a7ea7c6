import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

// What is dangerous stands in few places, each of them named here with its reason: a new one is looked at by a person first.

const root = resolve(import.meta.dirname, "..");
/** Sources that run on a gateway or beside it; the page runs in a browser. */
const sources = ["gateway", "nodes"].flatMap((folder) =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name) && !/\.test\.ts$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/^(gateway\/web|nodes\/(test|dist|node_modules))\//.test(file)),
);
const filesWith = (pattern: RegExp, among: readonly (readonly [string, string])[] = texts): string[] =>
  among.filter(([, text]) => pattern.test(text)).map(([file]) => file);
const texts = sources.map((file) => [file, readFileSync(join(root, file), "utf8")] as const);

const childProcess = /from "(node:)?child_process"|require\("(node:)?child_process"\)/;
const shell =
  /\bexec(Sync)?\b[^\n]*from "node:child_process"|\b(execSync|spawnSync)\(|shell:\s*(true|["'])|["']\/bin\/(ba)?sh["']/;
const evaluated = /\beval\(|new Function\(|\bnode:vm\b/;
const unverified = /rejectUnauthorized:\s*false|checkServerIdentity:\s*\(\)\s*=>/;
const door = /\bcreateServer\(|\blistenOnSocket\(/;
const weak = /createHash\("(md5|sha1)"\)|createCipheriv\("(des|rc4|[\w-]*-ecb)/i;

describe("the sources", () => {
  it("are read, all of them", () => {
    expect(sources.length).toBeGreaterThan(500);
    expect(sources).toContain("gateway/local/server.ts");
  });

  it("start programs from few places, with a list of arguments, and no text of others ever reaches a shell", () => {
    expect(filesWith(childProcess).toSorted()).toEqual([
      "gateway/cli/enrolment/factory-reset.ts",
      "gateway/cli/enrolment/host.ts",
      "gateway/cli/enrolment/places.ts",
      "gateway/cli/flash/system.ts",
      "gateway/cli/flow/run-flow.ts",
      "gateway/cli/node-red/child-process.ts",
      "gateway/cli/service-manager/notify.ts",
      "gateway/store/system.ts",
      "gateway/updates/program.ts",
    ]);
    // A fixed text, which gets what it runs as arguments: limits of a process are set by a shell.
    expect(filesWith(shell)).toEqual(["gateway/cli/node-red/child-process.ts"]);
  });

  it("make no code out of texts", () => {
    expect(filesWith(evaluated)).toEqual([]);
  });

  it("leave a certificate unverified only where it is looked at in another way, or nothing is told to the other side", () => {
    expect(filesWith(unverified).toSorted()).toEqual(
      [
        // Shows what is wrong with a broker's certificate, and hangs up.
        "gateway/commissioning/broker/tls.ts",
        // Whether Node-RED answers, on this machine.
        "gateway/cli/node-red/run.ts",
        // Compares the certificate's fingerprint with the one that was configured.
        "nodes/client/pinned-agent.ts",
      ].toSorted(),
    );
  });

  it("open doors in few places", () => {
    expect(filesWith(door).toSorted()).toEqual([
      // Tools on somebody's computer, on loopback.
      "gateway/cli/demo/ports.ts",
      "gateway/cli/flow/child/fake-gateway.ts",
      "gateway/cli/flow/child/flow-test.ts",
      // Unix socket in a folder of the supervisor's.
      "gateway/cli/node-red/gate.ts",
      // A simulated device, by hand.
      "gateway/cli/profile/simulate.ts",
      // Unix socket, for the gateway's group.
      "gateway/cli/updater.ts",
      // The local API.
      "gateway/local/app.ts",
      "gateway/local/server.ts",
      "gateway/local/unix-socket.ts",
      "gateway/updates/helper.ts",
    ]);
  });

  it("use no broken hash or cipher, but SHA-1 as the name of a key in a certificate (RFC 5280, 4.2.1.2)", () => {
    expect(filesWith(weak)).toEqual(["gateway/local/certificate.ts"]);
  });
});

describe("the search", () => {
  it.each([
    [childProcess, 'import { exec } from "node:child_process";'],
    [shell, 'import { exec } from "node:child_process";'],
    [shell, 'spawn("ls", { shell: true })'],
    [evaluated, "return eval(text);"],
    [evaluated, "new Function(code)"],
    [unverified, "{ rejectUnauthorized: false }"],
    [door, "const server = createServer(listener);"],
    [weak, 'createHash("md5")'],
    [weak, 'createCipheriv("aes-128-ecb", key, null)'],
  ])("of %s finds %s", (pattern, text) => {
    expect(filesWith(pattern, [["x.ts", text]])).toEqual(["x.ts"]);
  });
});

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** Node-RED as its users run it: a process of its own, with our package installed from a packed tarball. */
export interface NodeRed extends AsyncDisposable {
  readonly url: string;
  /** Where it is installed, with our package. */
  readonly folder: string;
  /** What it has written to its log. */
  readonly log: () => string;
  get<T>(path: string): Promise<T>;
  /** Deploys these flows in place of all others. */
  deploy(flows: readonly object[]): Promise<void>;
}

/**
 * Installs nodes/ as npm would from the registry, into an empty folder, with the packages that are given beside it (those
 * need the registry). Gives the folder.
 */
export function installPacked(...others: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-node-red-"));
  const npm = (cwd: string, ...args: string[]) =>
    execFileSync("npm", [...args, "--loglevel=error"], {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
  npm(join(root, "nodes"), "pack", "--pack-destination", folder);
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  writeFileSync(join(folder, "package.json"), '{"name":"node-red-user","version":"1.0.0","private":true}');
  const offline = others.length === 0 ? ["--offline"] : [];
  npm(folder, "install", ...offline, "--no-audit", "--no-fund", `./${tarball}`, ...others);
  return folder;
}

/** @param release of Node-RED, from the registry; the one of our node_modules unless given */
export async function startNodeRed(release?: string): Promise<NodeRed> {
  const folder = installPacked(...(release === undefined ? [] : [`node-red@${release}`]));
  const modules = join(release === undefined ? root : folder, "node_modules");
  const port = await freePort();
  const settings = {
    uiHost: "127.0.0.1",
    uiPort: port,
    flowFile: "flows.json",
    credentialSecret: "of this test",
    telemetry: { enabled: false, updateNotification: false },
    externalModules: { palette: { allowInstall: false } },
    editorTheme: { tours: false, projects: { enabled: false } },
    logging: { console: { level: "info", metrics: false, audit: false } },
  };
  writeFileSync(join(folder, "settings.js"), `module.exports = ${JSON.stringify(settings)};`);
  const child = spawn(
    process.execPath,
    [join(modules, "node-red", "red.js"), "--userDir", folder, "--settings", join(folder, "settings.js")],
    { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  let text = "";
  const started = Promise.withResolvers<void>();
  const take = (chunk: string) => {
    text += chunk;
    if (/Started flows/.test(text)) started.resolve();
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  void ended.then(() => started.reject(new Error(`node-red ended:\n${text}`)));
  await started.promise;
  const url = `http://127.0.0.1:${port}`;
  const ask = async (path: string, init?: RequestInit): Promise<Response> => {
    const response = await fetch(`${url}${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  return {
    url,
    folder,
    log: () => text,
    get: async (path) =>
      JSON.parse(await (await ask(path, { headers: { accept: "application/json" } })).text()),
    deploy: async (flows) => {
      await ask("/flows", {
        method: "POST",
        headers: { "content-type": "application/json", "node-red-api-version": "v2" },
        body: JSON.stringify({ flows }),
      });
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { GatewayConfig } from "../../config/config.ts";
import { ConfigError } from "../../model/errors.ts";
import type { GeneratedSettings } from "./child/settings.ts";
import { childFile } from "./child-process.ts";

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Where things lie below `nodeRed: {userDir: ...}`. Only `home` is Node-RED's; the rest it cannot change where it has an account of its own. */
export interface Places {
  readonly folder: string;
  readonly home: string;
  readonly settings: string;
  readonly secret: string;
  readonly token: string;
  readonly gate: string;
}

export function placesOf({ nodeRed: { userDir } }: Pick<GatewayConfig, "nodeRed">): Places {
  return {
    folder: userDir,
    home: join(userDir, "home"),
    settings: join(userDir, "settings.cjs"),
    secret: join(userDir, "credential-secret"),
    token: join(userDir, "token"),
    gate: join(userDir, "gate.sock"),
  };
}

/** Makes the folders, the secret (once) and the settings file (anew). Rejects with the system's errors. */
export async function prepare(config: GatewayConfig, account: Account | undefined): Promise<Places> {
  const { nodeRed, gateway } = config;
  const places = placesOf(config);
  await mkdir(places.home, { recursive: true, mode: 0o700 });
  await chmod(places.folder, account ? 0o711 : 0o700);
  if (!existsSync(places.secret)) {
    await writeFile(places.secret, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  }
  const settings: GeneratedSettings = {
    userDir: places.home,
    host: nodeRed.host,
    port: nodeRed.port,
    certificate: nodeRed.certificate,
    credentialSecretFile: places.secret,
    excludeNodes: nodeRed.excludeNodes,
    backups: nodeRed.backups,
    nodes: nodesFolder(),
    title: gateway.title?.sv ?? gateway.title?.en ?? gateway.id,
    gate: places.gate,
  };
  await writeFile(
    places.settings,
    [
      "// Written by `stadsnod node-red` at every start: what is changed here is lost.",
      `module.exports = require(${JSON.stringify(childFile("settings"))}).settings(${JSON.stringify(settings, null, 2)});\n`,
    ].join("\n"),
  );
  // Node-RED's account reads it, whatever the umask.
  await chmod(places.settings, 0o644);
  if (account) for (const path of [places.home, places.secret]) await chown(path, account.uid, account.gid);
  return places;
}

/** Of node-red-contrib-stadsnod, where it is installed and built: in `nodes/` of a checkout, or as a package. */
export function nodesFolder(): string | undefined {
  const near = [1, 2, 3].map((up) => join(import.meta.dirname, ...Array<string>(up).fill(".."), "nodes"));
  return [...near, installedNodes()].find(
    (folder) => folder !== undefined && existsSync(join(folder, "dist", "package.json")),
  );
}

function installedNodes(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve("node-red-contrib-stadsnod/package.json"));
  } catch {
    return undefined;
  }
}

/** Does what touches Node-RED's own files with its rights: there it may have laid links to others. */
export async function withAccount<T>(account: Account | undefined, work: () => Promise<T>): Promise<T> {
  if (!account) return work();
  process.setegid?.(account.gid);
  process.seteuid?.(account.uid);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

/** The account that Node-RED is to run under. Rejects with ConfigError. */
export async function accountOf(name: string | undefined): Promise<Account | undefined> {
  if (name === undefined) return undefined;
  if (process.getuid?.() !== 0) {
    throw new ConfigError("only root can start Node-RED under another account", {
      code: "not-root",
      hint: "leave `nodeRed: {user: ...}` out, or let systemd start `stadsnod node-red` as root",
    });
  }
  const line = (await readFile("/etc/passwd", "utf8")).split("\n").find((one) => one.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) {
    throw new ConfigError(`there is no account ${name}`, {
      code: "unknown-account",
      hint: `adduser --system --group --no-create-home ${name}`,
    });
  }
  return { uid: Number(uid), gid: Number(gid) };
}

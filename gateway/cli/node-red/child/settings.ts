import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { authentication } from "./authentication.ts";
import { openStorage } from "./storage.ts";

/** What `writeSettings` puts into the settings file, as JSON. */
export interface GeneratedSettings {
  readonly userDir: string;
  readonly host: string;
  readonly port: number;
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  /** Path of a file with the secret that encrypts credentials. */
  readonly credentialSecretFile: string;
  readonly excludeNodes: readonly string[];
  readonly backups: number;
  /** Folder of node-red-contrib-stadsnod; undefined when it is not there. */
  readonly nodes?: string | undefined;
  /** Of the gateway, for people. */
  readonly title: string;
  /** Path of the Unix socket that leads to the gateway. */
  readonly gate: string;
}

/** A function node may take so long for one message, s. */
const functionSeconds = 5;
const sessionSeconds = 12 * 3600;

/** The settings object that red.js asks for. Called in Node-RED's process. */
export function settings(given: GeneratedSettings): Record<string, unknown> {
  const { certificate, nodes, title } = given;
  return {
    uiHost: given.host,
    uiPort: given.port,
    ...(certificate
      ? { https: { cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) } }
      : {}),
    userDir: given.userDir,
    flowFile: "flows.json",
    flowFilePretty: true,
    credentialSecret: readFileSync(given.credentialSecretFile, "utf8").trim(),
    storageModule: openStorage(given),
    adminAuth: authentication(given.gate),
    httpAdminMiddleware: hardened,
    sessionExpiryTime: sessionSeconds,
    telemetry: { enabled: false, updateNotification: false },
    runtimeState: { enabled: false, ui: false },
    diagnostics: { enabled: true, ui: true },
    externalModules: {
      autoInstall: false,
      palette: { allowInstall: false, allowUpload: false, allowUpdate: false },
      modules: { allowInstall: false },
    },
    functionExternalModules: false,
    functionTimeout: functionSeconds,
    globalFunctionTimeout: functionSeconds,
    functionGlobalContext: {},
    exportGlobalContextKeys: false,
    nodesExcludes: filesOf(given.excludeNodes),
    ...(nodes === undefined ? {} : { nodesDir: [nodes] }),
    contextStorage: {
      default: { module: "memory" },
      file: { module: "localfilesystem" },
      // Written at each change, which is seldom: a kill must not lose an acknowledgement.
      alarms: { module: "localfilesystem", config: { base: "alarms", cache: false } },
    },
    stadsnodAlarmStore: "alarms",
    logging: { console: { level: "info", metrics: false, audit: false } },
    debugMaxLength: 1000,
    editorTheme: {
      page: { title: `Stadsnod – ${title}` },
      header: { title: `Stadsnod – ${title}` },
      tours: false,
      projects: { enabled: false },
      palette: {
        categories: [
          "stadsnod",
          "subflows",
          "common",
          "function",
          "network",
          "sequence",
          "parser",
          "storage",
        ],
      },
      codeEditor: { lib: "monaco" },
    },
  };
}

/** Files of core node sets, which is what Node-RED asks for: `exec` is 90-exec.js. Other modules go by their own name. */
function filesOf(names: readonly string[]): string[] {
  const core = dirname(coreNodes().resolve("@node-red/nodes/package.json"));
  const files = readdirSync(join(core, "core"), { recursive: true, encoding: "utf8" }).map(
    (path) => path.split(/[\\/]/).at(-1) ?? "",
  );
  return names.map((name) => files.find((file) => file.replace(/^\d+-/, "") === `${name}.js`) ?? name);
}

/** Node-RED's own modules, which lie below it where npm does not hoist them. */
function coreNodes(): NodeJS.Require {
  return createRequire(createRequire(import.meta.url).resolve("node-red/red.js"));
}

interface Response {
  setHeader(name: string, value: string): void;
}

/** No other site may show the editor in a frame, nor guess what its files are. */
function hardened(_request: unknown, response: Response, next: () => void): void {
  response.setHeader("x-frame-options", "DENY");
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("referrer-policy", "no-referrer");
  next();
}

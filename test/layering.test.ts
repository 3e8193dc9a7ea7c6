import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

// The import rule of docs/architecture.md: a room imports only from rooms of a lower level, rooms of
// one level do not import each other, a plug-in imports its wing's seam and never another plug-in.
const root = resolve(import.meta.dirname, "..");
const levels: Record<string, number> = {
  model: 0,
  codec: 1,
  transport: 2,
  store: 2,
  sandbox: 2,
  outbox: 3,
  southbound: 4,
  northbound: 4,
  telemetry: 4,
  profiles: 5,
  commands: 5,
  commissioning: 5,
  updates: 5,
  enrolment: 5,
  local: 5,
  config: 6,
  "lending.ts": 7,
  "store-retry.ts": 7,
  // Gateway.ts puts the house together; control.ts is its half that commands.
  "control.ts": 7,
  "gateway.ts": 8,
  cli: 9,
  "main.ts": 10,
};

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

/** Files of ours that `file` imports, relative to the root. */
function imports(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const found = text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)"(\.[^"]+)"/g);
  return Array.from(found, ([, path]) => relative(root, resolve(root, dirname(file), path!)));
}

const room = (file: string): string => file.split("/")[1]!;
/** `southbound/modbus` for a plug-in's file, undefined for files of the wing itself. */
const plugin = (file: string): string | undefined => {
  const [top, wing, folder, rest] = file.split("/");
  return top === "gateway" && (wing === "southbound" || wing === "northbound") && rest
    ? `${wing}/${folder}`
    : undefined;
};

describe("import rule", () => {
  // The page runs in a browser and is looked at below.
  const files = sources("gateway").filter((file) => !file.startsWith("gateway/web/"));

  it("knows every room", () => {
    expect([...new Set(files.map(room))].filter((name) => levels[name] === undefined)).toEqual([]);
  });

  it("imports only downward, and never between rooms of one level", () => {
    const wrong = files.flatMap((file) =>
      imports(file)
        .filter((target) => target.startsWith("gateway/") && room(target) !== room(file))
        .filter((target) => levels[room(target)]! >= levels[room(file)]!)
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("keeps plug-ins apart: only index.ts names them, and they see only their wing's seam", () => {
    const wrong = files.flatMap((file) =>
      imports(file)
        .filter((target) => {
          const theirs = plugin(target);
          const mine = plugin(file);
          if (theirs && theirs !== mine) return !/^gateway\/(south|north)bound\/index\.ts$/.test(file);
          return mine !== undefined && /^gateway\/(south|north)bound\/index\.ts$/.test(target);
        })
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("takes zod whole, so that what nobody uses is left out of the bundle (140 kB of messages)", () => {
    const wrong = files.filter((file) =>
      /import \{[^}]*\bz\b[^}]*\} from "zod"/.test(
        readFileSync(join(root, file), "utf8").replaceAll(/import type[^;]+;/g, ""),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it("leaves the gateway only from cli/, for the demonstration", () => {
    const wrong = files.flatMap((file) =>
      imports(file)
        .filter((target) => !target.startsWith("gateway/") && !file.startsWith("gateway/cli/"))
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("keeps simulators independent: none shares a codec, a driver or any other code with the gateway", () => {
    const wrong = sources("simulators").flatMap((file) =>
      imports(file)
        .filter((target) => target.startsWith("gateway/"))
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("the technician's page", () => {
  it("takes nothing from the gateway at run time: types of what the local API answers, and no more", () => {
    const wrong = readdirSync(join(root, "gateway/web"), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      .flatMap((file) => {
        const text = readFileSync(join(root, file), "utf8");
        const valueImports = text.matchAll(/import\s+(?!type\b)[^;]*?from\s+"(\.[^"]+)"/g);
        return Array.from(valueImports, ([, path]) => relative(root, resolve(root, dirname(file), path!)))
          .filter((target) => !target.startsWith("gateway/web/"))
          .map((target) => `${file} -> ${target}`);
      });
    expect(wrong).toEqual([]);
  });
});

describe("Node-RED nodes", () => {
  // nodes/dist is made from them, nodes/test and build.ts are no part of it.
  const files = sources("nodes").filter((file) => !/^nodes\/(dist|test|build\.ts)/.test(file));

  // The one exception: what a formula, a duration and a time of day mean is written once, in parts that are pure.
  // They are bundled into the nodes, and must stay free of everything that is not pure too.
  const shared =
    /^gateway\/(model\/duration|codec\/expression\/expression|commands\/schedules\/(at|calendar|holidays|moments))\.ts$/;

  it("take nothing from the gateway at run time but the shared pure parts: types of its model, and no more", () => {
    const wrong = files.flatMap((file) =>
      Array.from(
        readFileSync(join(root, file), "utf8").matchAll(/import\s+(type\s)?[^;]*?"(\.[^"]+)"/g),
        ([, isType, path]) => ({ isType, target: relative(root, resolve(root, dirname(file), path!)) }),
      )
        .filter(({ target }) => !target.startsWith("nodes/"))
        .filter(({ target }) => !shared.test(target))
        .filter(({ isType, target }) => !isType || !target.startsWith("gateway/model/"))
        .map(({ target }) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("share only what is pure: no I/O, no clock, nothing of Node.js, two libraries", () => {
    const reached = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const target of imports(file)) visit(target);
    };
    for (const file of sources("gateway")) if (shared.test(file)) visit(file);
    expect(reached.size).toBeGreaterThan(6);
    const wrong = [...reached].flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8");
      const foreign = Array.from(
        text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)"([^."][^"]*)"/g),
        ([, name]) => name!,
      ).filter((name) => name !== "croner" && name !== "suncalc");
      const room = /^gateway\/(model|codec|commands\/schedules)\//.test(file) ? [] : ["its room"];
      const global = /\b(process|Buffer|globalThis)\b/.exec(
        text.replaceAll(/\/\*\*?[\s\S]*?\*\/|\/\/.*/g, ""),
      );
      return [...foreign, ...room, ...(global ? [global[0]] : [])].map((what) => `${file}: ${what}`);
    });
    expect(wrong).toEqual([]);
  });

  it("take time and chance from nodes/clock.ts, the environment in one place, and never the console", () => {
    const forbidden =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.(env|hrtime)\b|\bconsole\.|\b(setTimeout|setInterval|setImmediate)\(|\bMath\.random\b/;
    const allowed = ["nodes/clock.ts", "nodes/client/address.ts"];
    const wrong = files.filter(
      (file) => !allowed.includes(file) && forbidden.test(readFileSync(join(root, file), "utf8")),
    );
    expect(wrong).toEqual([]);
  });
});

describe("determinism rule", () => {
  it("reads time, environment and console only in main.ts, cli/ and the real clock", () => {
    const forbidden =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.(env|hrtime)\b|\bconsole\.|\b(setTimeout|setInterval)\(|\bMath\.random\b/;
    const allowed = /^gateway\/(main\.ts|cli\/|store\/clock\.ts|web\/browser\.ts)/;
    const wrong = sources("gateway")
      .filter((file) => !allowed.test(file))
      .flatMap((file) =>
        readFileSync(join(root, file), "utf8")
          .split("\n")
          .map((line, index) => ({ line, index }))
          .filter(({ line }) => forbidden.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line))
          .map(({ line, index }) => `${file}:${index + 1}: ${line.trim()}`),
      );
    expect(wrong).toEqual([]);
  });
});

// Entry of every npm script. Runs on any Node from 16 on: it brings the dependencies, the pinned
// Node 24 and the build up to date, says what it does, and then hands over to the real step.
"use strict";
const { spawnSync, spawn } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const zlib = require("node:zlib");

const root = path.resolve(__dirname, "..");
const [task, ...rest] = process.argv.slice(2);
const say = (text) => process.stderr.write(`stadsnod: ${text}\n`);
const fail = (text, hint) => {
  say(text);
  if (hint) say(`hint: ${hint}`);
  process.exit(1);
};

function ensureDependencies() {
  const lock = fs.readFileSync(path.join(root, "package-lock.json"));
  const wanted = createHash("sha256").update(lock).digest("hex");
  const stamp = path.join(root, "node_modules", ".stadsnod-installed");
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === wanted) return;
  // npm ci would empty what the link leads to, which belongs to another checkout.
  const folder = fs.lstatSync(path.join(root, "node_modules"), { throwIfNoEntry: false });
  if (folder?.isSymbolicLink()) {
    fail(
      "node_modules is a link, and what it leads to does not fit this checkout's package-lock.json",
      "remove the link and try again",
    );
  }
  say("installing dependencies, Node 24 included (npm ci, once; about 170 MB on disk) ...");
  const started = Date.now();
  // Warnings about the older Node are expected here: the step itself then runs on Node 24.
  const npm = spawnSync(process.platform === "win32" ? "npm.cmd" : "npm", ["ci", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (npm.error) fail(`cannot run npm: ${npm.error.message}`, "install npm 10 or newer");
  if (npm.status !== 0)
    fail(
      `npm ci failed with exit code ${npm.status}`,
      "read its message above; is the npm registry reachable?",
    );
  fs.writeFileSync(stamp, wanted);
  say(`dependencies ready after ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

function findNode24() {
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  const bundled = path.join(root, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
  if (fs.existsSync(bundled)) return bundled;
  return fail(
    `Node 24 is needed, this is ${process.version}, and no bundled Node exists for ${process.platform}-${process.arch}`,
    "install Node 24 (nodejs.org) and try again",
  );
}

function newestChange(entry) {
  const stat = fs.statSync(entry, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return fs
    .readdirSync(entry)
    .reduce((newest, name) => Math.max(newest, newestChange(path.join(entry, name))), stat.mtimeMs);
}

function ensureBuild(node, env) {
  const built = path.join(root, "dist", "stadsnod.js");
  const sources = ["gateway", "gateway.schema.json", "simulators", "tsup.config.ts", "package-lock.json"];
  const newest = Math.max(...sources.map((entry) => newestChange(path.join(root, entry))));
  if (newestChange(built) <= newest) buildProgram(node, env);
  else if (newestChange(path.join(root, "dist", "web")) === 0) buildPage(node, env);
  ensureNodes(node, env);
}

/** The Node-RED nodes: Node-RED shows unknown types where they are not built. */
function ensureNodes(node, env) {
  const folder = path.join(root, "nodes");
  const sources = fs.readdirSync(folder).filter((name) => name !== "dist");
  const newest = Math.max(...sources.map((name) => newestChange(path.join(folder, name))));
  if (newestChange(path.join(folder, "dist", "package.json")) <= newest) buildNodes(node, env);
}

function buildProgram(node, env) {
  runStep(node, env, path.join("node_modules", "tsup", "dist", "cli-default.js"), []);
  buildPage(node, env);
}

/** The technician's page, into dist/web. */
function buildPage(node, env) {
  runStep(node, env, bin("vite"), ["build", "--config", path.join("gateway", "web", "vite.config.ts")]);
  compressPage();
}

/** Once here instead of for every phone: the gateway sends the brotli form to whoever takes it. */
function compressPage() {
  const folder = path.join(root, "dist", "web");
  for (const name of fs.readdirSync(folder, { recursive: true })) {
    const file = path.join(folder, name);
    if (!/\.(html|js|css|svg|json|webmanifest)$/.test(name)) continue;
    const text = fs.readFileSync(file);
    const packed = zlib.brotliCompressSync(text);
    if (packed.length < text.length) fs.writeFileSync(`${file}.br`, packed);
  }
}

function buildNodes(node, env) {
  runStep(node, env, path.join("nodes", "build.ts"), []);
}

function checkTypes(node, env) {
  runStep(node, env, bin("tsc"), ["--noEmit"]);
  // Apart: the editor's pages run in a browser, whose globals nobody else has.
  runStep(node, env, bin("tsc"), ["--noEmit", "-p", "nodes"]);
  runStep(node, env, bin("tsc"), ["--noEmit", "-p", path.join("gateway", "web")]);
}

function runStep(node, env, script, args) {
  const step = spawnSync(node, [script, ...args], { cwd: root, env, stdio: "inherit" });
  if (step.status !== 0) process.exit(step.status === null ? 1 : step.status);
}

function bin(name) {
  const target = path.join(root, "node_modules", ".bin", name);
  if (!fs.existsSync(target)) fail(`no such tool: ${name}`);
  return fs.realpathSync(target);
}

/** The flags that the program names in its first line, so that a checkout runs it as an installation does. */
function programFlags(program) {
  const [first] = fs.readFileSync(program, "utf8").split("\n", 1);
  return first.startsWith("#!") ? first.split(" ").filter((word) => word.startsWith("--")) : [];
}

/** Replaces this process as well as Node can: signals go to the child, its exit code is ours. */
function handOver(node, env, script, args, flags = []) {
  const child = spawn(node, [...flags, script, ...args], {
    env,
    stdio: "inherit",
    cwd: process.env.INIT_CWD || root,
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    // The terminal sends SIGINT to the whole group; this process only has to survive it.
    process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  }
  child.on("exit", (code, signal) => process.exit(signal ? 1 : code === null ? 1 : code));
}

ensureDependencies();
const node = findNode24();
const env = {
  ...process.env,
  PATH: [path.dirname(node), path.join(root, "node_modules", ".bin"), process.env.PATH].join(path.delimiter),
};
const stadsnod = path.join(root, "dist", "stadsnod.js");
switch (task) {
  case "demo":
    ensureBuild(node, env);
    handOver(node, env, stadsnod, ["demo", ...rest], programFlags(stadsnod));
    break;
  case "stadsnod":
    ensureBuild(node, env);
    handOver(node, env, stadsnod, rest, programFlags(stadsnod));
    break;
  case "test":
    ensureBuild(node, env);
    if (rest.length === 0) {
      say("lint ...");
      runStep(node, env, bin("biome"), ["check", "--diagnostic-level=error", "."]);
      say("types ...");
      checkTypes(node, env);
      say("unit, whole-system, profile and layering tests ...");
    }
    handOver(node, env, bin("vitest"), ["run", "--root", root, ...rest]);
    break;
  case "bench":
    ensureBuild(node, env);
    handOver(node, env, path.join(root, "scripts", "bench", "main.ts"), rest);
    break;
  case "image":
    ensureBuild(node, env);
    handOver(node, env, path.join(root, "scripts", "image", "main.ts"), rest);
    break;
  case "proof":
    handOver(node, env, path.join("scripts", "proof", "main.ts"), rest);
    break;
  case "image:test":
    ensureBuild(node, env);
    handOver(node, env, path.join(root, "scripts", "image", "trial-main.ts"), rest);
    break;
  case "build":
    buildProgram(node, env);
    buildNodes(node, env);
    break;
  case "release":
    ensureBuild(node, env);
    handOver(node, env, path.join(root, "scripts", "install", "pack.ts"), rest);
    break;
  case "typecheck":
    checkTypes(node, env);
    break;
  case "run":
    handOver(node, env, bin(rest[0]), rest.slice(1));
    break;
  default:
    fail(`unknown task: ${task}`);
}

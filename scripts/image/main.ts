import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { boards } from "./boards/index.ts";
import { buildImage } from "./build.ts";
import { developmentKeys, type SigningKeys } from "./keys.ts";
import { ImageError } from "./process.ts";
import { debian } from "./tool-root.ts";

const root = resolve(import.meta.dirname, "../..");
const say = (text: string) => console.error(`image: ${text}`);

interface Options {
  readonly board: string;
  readonly out?: string;
  readonly cache: string;
  readonly version: string;
  readonly with: readonly string[];
  readonly signCert?: string;
  readonly signKey?: string;
  readonly ca?: string;
  readonly refreshLock?: boolean;
  readonly drift: "fail" | "report";
  readonly suite: string;
  readonly mirror: string;
  readonly security: string;
}

const program = new Command("image")
  .description("build the image of a gateway: a disk for its card and a bundle that updates it")
  .requiredOption("--board <name>", [...boards.keys()].join(", "))
  .option("--out <folder>", "where the files go (default: below the cache)")
  .option("--cache <folder>", "what is made once", join(root, "node_modules", ".cache", "stadsnod-image"))
  .option("--version <version>", "as gateways report it", "0.1.0")
  .addOption(new Option("--with <layer...>", "optional layers").choices(["node-red"]).default([]))
  .option(
    "--sign-cert <pem>",
    "certificate that signs the bundle (default: a development CA of this machine)",
  )
  .option("--sign-key <pem>", "its private key")
  .option("--ca <pem>", "the CA that the gateways believe")
  .option("--suite <name>", "Debian's release", debian.suite)
  .option("--mirror <url>", "Debian's archive", debian.mirror)
  .option("--security <url>", "Debian's security archive", debian.security)
  .option("--refresh-lock", "take over the packages of today into the board's lock")
  .addOption(
    new Option("--drift <rule>", "when packages are not those of the lock")
      .choices(["fail", "report"])
      .default("fail"),
  )
  .exitOverride();

async function keysOf({ signCert, signKey, ca, cache }: Options): Promise<SigningKeys> {
  if (signCert && signKey && ca) return { cert: signCert, key: signKey, ca, development: false };
  if (signCert || signKey || ca) throw new ImageError("--sign-cert, --sign-key and --ca belong together");
  return developmentKeys(cache);
}

async function main(): Promise<number> {
  try {
    program.parse();
    const options = program.opts<Options>();
    const board = boards.get(options.board);
    if (!board)
      throw new ImageError(`no such board: ${options.board}`, `one of ${[...boards.keys()].join(", ")}`);
    const keys = await keysOf(options);
    const out = resolve(options.out ?? join(options.cache, "out", board.name));
    const epoch = Number(execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: root, encoding: "utf8" }));
    const { suite, mirror, security } = options;
    await buildImage({
      board,
      version: options.version,
      layers: options.with,
      root,
      out,
      cache: resolve(options.cache),
      archive: { suite, mirror, security },
      keys,
      epoch,
      drift: options.refreshLock ? "refresh" : options.drift,
      say,
    });
    say(`done: ${out}`);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof ImageError)) throw error;
    say(error.message);
    if (error.hint) say(`hint: ${error.hint}`);
    return 1;
  }
}

process.exitCode = await main();

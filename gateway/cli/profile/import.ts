import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Command, Option } from "commander";
import { ConfigError } from "../../model/errors.ts";
import { categories } from "../../profiles/category.ts";
import type { Imported, Takes } from "../../profiles/import/imported.ts";
import { writeImported } from "../../profiles/import/imported.ts";
import { loadProfile } from "../../profiles/load.ts";
import { type CliContext, ExitError, exit, inFolder, readNamed } from "../context.ts";
import { command } from "../daemon.ts";
import { showDiagnostics } from "../files.ts";
import { protocols } from "./protocols.ts";

interface ImportOptions {
  readonly id: string;
  readonly category: string;
  readonly folder: string;
  readonly print?: boolean;
}

type Reader = (text: string, takes: Takes) => Imported;

/** Whether a protocol of ours takes an `at:`. */
function takes(protocol: string, at: unknown): boolean {
  return protocols.some(({ name, address }) => name === protocol && address.safeParse(at).success);
}

/** Loaded when it is asked for: a gateway in the field imports nothing. */
const readers: Readonly<Record<string, () => Promise<Reader>>> = {
  edgex: async () => (await import("../../profiles/import/edgex.ts")).importEdgex,
  evcc: async () => (await import("../../profiles/import/evcc.ts")).importEvcc,
  "payload-schema": async () => (await import("../../profiles/import/payload-schema.ts")).importPayloadSchema,
  sunspec: async () => (await import("../../profiles/import/sunspec.ts")).importSunspec,
  telegraf: async () => (await import("../../profiles/import/telegraf.ts")).importTelegraf,
};

export function importCommand(context: CliContext): Command {
  return command("import", "make a profile of a device description that was written for another tool", [
    "stadsnod profile import edgex hvac.yml --id coolautomation/coolmaster --category climate",
    "stadsnod profile import telegraf telegraf.conf --id acme/m1 --category energy-meter --print",
    "stadsnod profile import sunspec model_103.json --id acme/inverter --category solar-inverter",
    "stadsnod profile import payload-schema dl-5tm.yaml --id decentlab/dl-5tm --category weather-station",
    "stadsnod profile import evcc sungrow-hybrid.yaml --id sungrow/sh --category solar-inverter",
  ])
    .argument("<format>", `what the file was written for: ${Object.keys(readers).join(", ")}`)
    .argument("<file>", "a file of yours; - is standard input")
    .requiredOption("--id <maker/model>", "id of the new profile")
    .addOption(
      new Option("--category <name>", "what kind of device it is")
        .choices(Object.keys(categories))
        .default("controller"),
    )
    .option("--folder <path>", "where profiles lie", "device-profiles")
    .option("--print", "print it instead of writing a file")
    .action(async (format: string, path: string, options: ImportOptions) => {
      const reader = readers[format];
      if (!reader)
        throw new ConfigError(`"${format}" cannot be imported`, {
          code: "unknown-format",
          hint: `one of ${Object.keys(readers).join(", ")}`,
        });
      const file = inFolder(context, join(options.folder, `${options.id}.yaml`));
      if (!options.print && existsSync(file))
        throw new ConfigError(`${file} is there already`, { code: "exists" });
      const text = readNamed(context, path).toString("utf8");
      const imported = (await reader())(text, (at) => takes("modbus", at));
      const source = `imported from a file for ${format}: ${path === "-" ? "standard input" : basename(path)}`;
      const written = writeImported(imported, { id: options.id, category: options.category, source });
      const { profile, diagnostics } = loadProfile(written.text, file, protocols);
      showDiagnostics(
        context,
        diagnostics.filter(({ code }) => code !== "no-examples"),
      );
      for (const note of written.leftOut) context.err(`look at: ${note}\n`);
      if (options.print) context.out(written.text);
      else {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, written.text, { flag: "wx" });
        context.out(
          `${join(options.folder, `${options.id}.yaml`)}: ${imported.points.length} points; ${written.leftOut.length} things to look at\n`,
        );
      }
      if (!profile) throw new ExitError(exit.failed);
    });
}

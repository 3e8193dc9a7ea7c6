import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { suggest } from "../../codec/suggest.ts";
import { ConfigError } from "../../model/errors.ts";
import { categories } from "../../profiles/category.ts";
import { loadProfile } from "../../profiles/load.ts";
import { newProfile } from "../../profiles/skeleton.ts";
import { type CliContext, ExitError, exit, inFolder } from "../context.ts";
import { command } from "../daemon.ts";
import { showDiagnostics } from "../files.ts";
import { protocolNamed } from "./line.ts";
import { protocols } from "./protocols.ts";

interface NewOptions {
  readonly protocol?: string;
  readonly title?: string;
  readonly manufacturer?: string;
  readonly models?: string;
  readonly category?: string;
  readonly source?: string;
  readonly folder: string;
}

export function newCommand(context: CliContext): Command {
  return command(
    "new",
    "begin a profile: a commented file that is valid as it stands; asks what it is not told",
    [
      "stadsnod profile new acme/m1",
      'stadsnod profile new acme/m1 --protocol modbus --title "Acme M1 energy meter" --category energy-meter',
    ],
  )
    .argument("<id>", "<maker>/<model>, in a-z, 0-9 and -")
    .option("--protocol <name>", `how the device speaks: ${protocols.map(({ name }) => name).join(", ")}`)
    .option("--title <text>", "what it is, for people")
    .option("--manufacturer <name>", "who makes it")
    .option("--models <names>", "type names, separated by commas")
    .option("--category <name>", "what kind of device it is")
    .option("--source <document>", "the maker's document that you write from")
    .option("--folder <path>", "where profiles lie", "device-profiles")
    .action(async (id: string, options: NewOptions) => {
      if (!/^[a-z0-9][a-z0-9-]*\/[a-z0-9][a-z0-9-]*$/.test(id))
        throw new ConfigError(`"${id}" is no id of a profile`, {
          code: "bad-id",
          hint: "write <maker>/<model> in a-z, 0-9 and -, e.g. acme/m1",
        });
      const file = inFolder(context, join(options.folder, `${id}.yaml`));
      if (existsSync(file)) throw new ConfigError(`${file} is there already`, { code: "exists" });
      using questions = new Questions(context);
      const [maker = "", model = ""] = id.split("/");
      const named = await questions.ask(options.protocol, "Protocol", "modbus", protocolNames);
      const protocol = protocolNamed(named);
      const { skeleton } = protocol;
      if (skeleton === undefined)
        throw new ConfigError(`there is no beginning for the protocol ${named}`, {
          code: "no-skeleton",
          hint: `take a profile of device-profiles/ that has protocol: ${named} as a model`,
        });
      const manufacturer = await questions.ask(options.manufacturer, "Manufacturer", capital(maker));
      const title = await questions.ask(options.title, "Title", `${manufacturer} ${model.toUpperCase()}`);
      const models = await questions.ask(options.models, "Type names", model.toUpperCase());
      const category = await questions.ask(
        options.category,
        "Category",
        "controller",
        Object.keys(categories),
      );
      const source = await questions.ask(options.source, "Maker's document", `${title}, manual`);
      const about = { id, title, manufacturer, models: models.split(/\s*,\s*/), category, source };
      const written = newProfile(about, { ...protocol, skeleton });
      const { profile, diagnostics } = loadProfile(written, file, protocols);
      showDiagnostics(context, diagnostics);
      if (!profile) throw new ExitError(exit.failed);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, written, { flag: "wx" });
      const path = join(options.folder, `${id}.yaml`);
      context.out(
        `${path} is written. Next: put the device's points into it, then\n  stadsnod profile check ${path}\n  stadsnod profile test ${path}\n`,
      );
    });
}

const protocolNames = protocols.filter(({ skeleton }) => skeleton !== undefined).map(({ name }) => name);

/** Asks on a terminal; elsewhere takes what is usual. */
class Questions implements Disposable {
  readonly #context: CliContext;
  readonly #lines: ReturnType<typeof createInterface> | undefined;

  constructor(context: CliContext) {
    this.#context = context;
    if (context.columns !== undefined && context.input) {
      this.#lines = createInterface({ input: context.input, output: undefined, terminal: false });
    }
  }

  async ask(
    given: string | undefined,
    question: string,
    usual: string,
    choices?: readonly string[],
  ): Promise<string> {
    for (let answer = given; ; answer = undefined) {
      answer ??= await this.#answer(question, usual, choices);
      if (!choices || choices.includes(answer)) return answer;
      const near = suggest(answer, choices);
      const hint = near === undefined ? `one of ${choices.join(", ")}` : `did you mean "${near}"?`;
      if (!this.#lines || given !== undefined)
        throw new ConfigError(`${question.toLowerCase()}: "${answer}" is not known`, {
          code: "bad-option",
          hint,
        });
      this.#context.err(`"${answer}" is not known: ${hint}\n`);
    }
  }

  async #answer(question: string, usual: string, choices: readonly string[] | undefined): Promise<string> {
    if (!this.#lines) return usual;
    const among = choices && choices.length <= 12 ? ` (${choices.join(", ")})` : "";
    this.#context.out(`${question}${among} [${usual}]: `);
    const answer = (await this.#lines.question("", { signal: this.#context.signal })).trim();
    return answer === "" ? usual : answer;
  }

  [Symbol.dispose](): void {
    this.#lines?.close();
  }
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

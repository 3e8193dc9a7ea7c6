import { Option } from "commander";
import type { CliContext } from "./context.ts";
import type { Language } from "./register-words.ts";

/** The option of commands that speak to technicians: as said, else as the terminal's own language. */
export function languageOption(context: CliContext): Option {
  return new Option("-l, --language <language>", "of the texts")
    .choices(["en", "sv"])
    .default(languageOf(context), "that of the terminal: LC_ALL, LC_MESSAGES or LANG");
}

/** The first of LC_ALL, LC_MESSAGES and LANG that says something counts (POSIX.1-2017, section 8.2). */
function languageOf({ env }: CliContext): Language {
  const said = env.LC_ALL || env.LC_MESSAGES || env.LANG || "";
  return /^sv([_.@]|$)/i.test(said) ? "sv" : "en";
}

import { type Command, Option } from "commander";
import { documentProfile } from "../../profiles/document.ts";
import type { CliContext } from "../context.ts";
import { command } from "../daemon.ts";
import { good } from "./named.ts";

export function documentCommand(context: CliContext): Command {
  return command("doc", "print a profile as a page for people (Markdown)", [
    "stadsnod profile doc device-profiles/abb/b23.yaml > b23.md",
    "stadsnod profile doc device-profiles/abb/b23.yaml --language sv",
  ])
    .argument("<path>", "the profile")
    .addOption(
      new Option("-l, --language <language>", "language of the titles").choices(["en", "sv"]).default("en"),
    )
    .action((path: string, options: { language: string }) => {
      const loaded = good(context, path);
      context.out(documentProfile(loaded.profile, loaded.about, options.language === "sv" ? "sv" : "en"));
    });
}

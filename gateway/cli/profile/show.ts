import type { Command } from "commander";
import { showProfile } from "../../profiles/show.ts";
import type { CliContext } from "../context.ts";
import { command } from "../daemon.ts";
import { good } from "./named.ts";

export function showCommand(context: CliContext): Command {
  return command("show", "print a profile as the gateway understands it", [
    "stadsnod profile show device-profiles/abb/b23.yaml",
    "stadsnod profile show device-profiles/abb/b23.yaml --json",
  ])
    .argument("<path>", "the profile")
    .option("--json", "as JSON")
    .action((path: string, options: { json?: boolean }) => {
      context.out(showProfile(good(context, path).profile, options.json ? "json" : "yaml"));
    });
}

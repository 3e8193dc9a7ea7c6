import { Command, Option } from "commander";
import { type LocalClient, localClient } from "../local/client.ts";
import type { CliContext } from "./context.ts";
import { inFolder } from "./context.ts";

export const defaultSocket = "/run/stadsnod/stadsnod.sock";

/** The option of every command that asks a running daemon. */
export function socketOption(): Option {
  return new Option("-s, --socket <path>", "Unix socket of the running gateway")
    .env("STADSNOD_SOCKET")
    .default(defaultSocket);
}

export function daemonOf(context: CliContext, options: { socket: string }): LocalClient {
  return localClient(inFolder(context, options.socket));
}

/** A subcommand with examples below its help, which is what people read first. */
export function command(name: string, summary: string, examples: readonly string[]): Command {
  return new Command(name)
    .description(summary)
    .addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ ${example}`).join("\n")}`);
}

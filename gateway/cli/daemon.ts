import { existsSync } from "node:fs";
import { Command, Option } from "commander";
import { type LocalClient, localClient } from "../local/client.ts";
import type { CliContext } from "./context.ts";
import { inFolder } from "./context.ts";

/** Where the packaged gateway listens. */
export const packagedSocket = "/run/stadsnod/stadsnod.sock";

/** The argument of every command that reads the configuration. */
export const configArgument = ["[gateway.yaml]", "configuration of the gateway", "gateway.yaml"] as const;

/** The option of every command that asks a running daemon. */
export function socketOption(): Option {
  return new Option(
    "-s, --socket <path>",
    `Unix socket of the running gateway (default: what ./gateway.yaml says, else ${packagedSocket})`,
  ).env("STADSNOD_SOCKET");
}

/** The daemon that a command means: by option or environment, the one of this folder's gateway.yaml, or the packaged one. */
export async function daemonOf(context: CliContext, options: { socket?: string }): Promise<LocalClient> {
  return localClient(await socketOf(context, options.socket));
}

async function socketOf(context: CliContext, named: string | undefined): Promise<string> {
  if (named !== undefined) return inFolder(context, named);
  if (!existsSync(inFolder(context, "gateway.yaml"))) return packagedSocket;
  // Reading profiles takes its time, so only who needs it loads it.
  const { readConfiguration } = await import("./files.ts");
  return (await readConfiguration(context, "gateway.yaml")).config?.local.socket ?? packagedSocket;
}

/** A subcommand with examples below its help, which is what people read first. */
export function command(name: string, summary: string, examples: readonly string[]): Command {
  return new Command(name)
    .description(summary)
    .addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ ${example}`).join("\n")}`);
}

import { Command, CommanderError } from "commander";
import { GatewayError } from "../model/errors.ts";
import { version } from "../model/version.ts";
import { auditCommand } from "./audit.ts";
import { checkCommand } from "./check.ts";
import { type CliContext, ExitError, exit, explainError } from "./context.ts";
import { decodeCommand } from "./decode.ts";
import { demoCommand } from "./demo.ts";
import { explainCommand } from "./explain.ts";
import { outboxCommand } from "./outbox.ts";
import { profileCommand } from "./profile/index.ts";
import { readCommand } from "./read.ts";
import { runCommand } from "./run.ts";
import { reloadCommand, statusCommand } from "./status.ts";
import { watchCommand } from "./watch.ts";

/** Runs one command line and returns its exit code; says what is wrong on `context.err`. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const program = new Command("stadsnod")
    .description("Stadsnod: edge gateway for a city's sensors and actuators")
    .version(version)
    .showHelpAfterError("(add --help for usage and examples)")
    .addHelpText(
      "after",
      "\nExit codes: 0 fine, 1 failed, 2 wrong command line or file, 3 no running gateway. More: docs/cli.md",
    );
  for (const make of commands) program.addCommand(make(context));
  quiet(program, context);
  try {
    await program.parseAsync(args, { from: "user" });
    return exit.ok;
  } catch (error) {
    if (error instanceof ExitError) return error.exitCode;
    // Commander has already said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.ok : exit.usage;
    if (context.signal.aborted && error === context.signal.reason) return exit.ok;
    context.err(`${explainError(error)}\n`);
    if (!(error instanceof GatewayError)) return exit.failed;
    if (error.code === "daemon-unreachable" || error.code === "permission-denied") return exit.unreachable;
    return error.name === "ConfigError" ? exit.usage : exit.failed;
  }
}

const commands: readonly ((context: CliContext) => Command)[] = [
  runCommand,
  checkCommand,
  explainCommand,
  statusCommand,
  watchCommand,
  readCommand,
  reloadCommand,
  decodeCommand,
  outboxCommand,
  auditCommand,
  profileCommand,
  demoCommand,
];

/** Commander throws instead of exiting, and writes where we say, in every subcommand. */
function quiet(command: Command, context: CliContext): void {
  command.exitOverride();
  command.configureOutput({ writeOut: (text) => context.out(text), writeErr: (text) => context.err(text) });
  for (const child of command.commands) quiet(child, context);
}

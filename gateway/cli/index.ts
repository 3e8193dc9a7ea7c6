import { Command, CommanderError } from "commander";
import { GatewayError } from "../model/errors.ts";
import { version } from "../model/version.ts";
import { type CliContext, ExitError, exit, explainError } from "./context.ts";

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
  const asked = commands.get(args[0] ?? "");
  // Help and what is misspelt need all of them.
  const needed = await Promise.all((asked ? [asked] : [...commands.values()]).map((load) => load()));
  for (const make of needed) program.addCommand(make(context));
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

/** By the word that is typed, in the order of the help. Each is loaded when it is asked for: the daemon must not hold the tools. */
const commands: ReadonlyMap<string, () => Promise<(context: CliContext) => Command>> = new Map([
  ["run", async () => (await import("./run.ts")).runCommand],
  ["check", async () => (await import("./check.ts")).checkCommand],
  ["doctor", async () => (await import("./doctor.ts")).doctorCommand],
  ["ports", async () => (await import("./ports.ts")).portsCommand],
  ["diag", async () => (await import("./diagnostics.ts")).diagnosticsCommand],
  ["wiring", async () => (await import("./wiring.ts")).wiringCommand],
  ["explain", async () => (await import("./explain.ts")).explainCommand],
  ["status", async () => (await import("./status.ts")).statusCommand],
  ["watch", async () => (await import("./watch.ts")).watchCommand],
  ["read", async () => (await import("./read.ts")).readCommand],
  ["write", async () => (await import("./write.ts")).writeCommand],
  ["command", async () => (await import("./command.ts")).commandCommand],
  ["history", async () => (await import("./history.ts")).historyCommand],
  ["audit-log", async () => (await import("./audit-log.ts")).auditLogCommand],
  ["acceptance", async () => (await import("./acceptance.ts")).acceptanceCommand],
  ["reload", async () => (await import("./status.ts")).reloadCommand],
  ["decode", async () => (await import("./decode.ts")).decodeCommand],
  ["outbox", async () => (await import("./outbox.ts")).outboxCommand],
  ["audit", async () => (await import("./audit.ts")).auditCommand],
  ["data-register", async () => (await import("./data-register.ts")).dataRegisterCommand],
  ["acl", async () => (await import("./acl.ts")).aclCommand],
  ["catalogue", async () => (await import("./catalogue.ts")).catalogueCommand],
  ["duplicates", async () => (await import("./duplicates.ts")).duplicatesCommand],
  ["lorawan", async () => (await import("./lorawan/index.ts")).lorawanCommand],
  ["node-red", async () => (await import("./node-red/index.ts")).nodeRedCommand],
  ["flow", async () => (await import("./flow/index.ts")).flowCommand],
  ["scan", async () => (await import("./scan.ts")).scanCommand],
  ["listen", async () => (await import("./listen.ts")).listenCommand],
  ["update", async () => (await import("./update.ts")).updateCommand],
  ["updater", async () => (await import("./updater.ts")).updaterCommand],
  ["users", async () => (await import("./users.ts")).usersCommand],
  ["enrol", async () => (await import("./enrolment/enrol.ts")).enrolCommand],
  ["identity", async () => (await import("./enrolment/identity.ts")).identityCommand],
  ["first-boot", async () => (await import("./enrolment/first-boot.ts")).firstBootCommand],
  ["factory-reset", async () => (await import("./enrolment/factory-reset.ts")).factoryResetCommand],
  ["profile", async () => (await import("./profile/index.ts")).profileCommand],
  ["flash", async () => (await import("./flash/index.ts")).flashCommand],
  ["demo", async () => (await import("./demo/index.ts")).demoCommand],
]);

/** Commander throws instead of exiting, and writes where we say, in every subcommand. */
function quiet(command: Command, context: CliContext): void {
  command.exitOverride();
  command.configureOutput({ writeOut: (text) => context.out(text), writeErr: (text) => context.err(text) });
  for (const child of command.commands) quiet(child, context);
}

import type { Command } from "commander";
import { parseDuration } from "../../model/duration.ts";
import { ConfigError } from "../../model/errors.ts";
import type { ProbeFinding } from "../../southbound/protocol.ts";
import type { CliContext } from "../context.ts";
import { command } from "../daemon.ts";
import { table } from "../table.ts";
import { type LineOptions, lineOptions, lineTo, liveContext, protocolNamed } from "./line.ts";

interface ProbeOptions extends LineOptions {
  readonly protocol: string;
  readonly at?: string;
  readonly expect?: string;
  readonly for: string;
  readonly json?: boolean;
}

export function probeCommand(context: CliContext): Command {
  const probe = command(
    "probe",
    "look at a device before there is a profile: what it says, and what that may mean",
    [
      'stadsnod profile probe --tcp 192.168.1.20:502 --device unit=1 --at "holding 0x34"',
      'stadsnod profile probe --serial /dev/ttyUSB0 --baud 9600 --device unit=1 --at "input 0" --expect 230.4',
      "stadsnod profile probe --protocol mbus --serial /dev/ttyUSB0",
      "stadsnod profile probe --protocol mbus --serial /dev/ttyUSB0 --device address=5",
    ],
  );
  return lineOptions(probe.option("--protocol <name>", "how the device speaks", "modbus"))
    .option(
      "--at <place>",
      'where to look or what to send: "holding 0x34", scan, "R\\r"; docs/cli.md has them all',
    )
    .option("--expect <number>", "what the device's display shows: readings close to it come first")
    .option("--for <duration>", "how long to listen to a device that speaks first", "15s")
    .option("--json", "one finding per line as JSON")
    .action(async (options: ProbeOptions) => {
      const protocol = protocolNamed(options.protocol);
      if (!protocol.probe)
        throw new ConfigError(`the protocol ${protocol.name} has nothing to probe`, { code: "cannot-probe" });
      const expected = options.expect === undefined ? undefined : Number(options.expect);
      if (Number.isNaN(expected))
        throw new ConfigError(`--expect ${options.expect}: not a number`, { code: "bad-option" });
      const { connection, settings } = lineTo(protocol, options);
      await using stack = new AsyncDisposableStack();
      const found: ProbeFinding[] = [];
      const input = { settings, at: options.at, expected, listenMs: parseDuration(options.for) };
      for await (const finding of protocol.probe(connection, input, liveContext(context, stack))) {
        if (options.json) context.out(`${JSON.stringify(finding)}\n`);
        else found.push(finding);
      }
      if (!options.json) context.out(`${render(found)}\n`);
    });
}

function render(found: readonly ProbeFinding[]): string {
  const rows = found.map(({ at, value, likely, note }) => [
    at,
    value,
    likely === undefined ? "" : "*".repeat(Math.round(likely * 5)),
    note ?? "",
  ]);
  return table(["at", "value", "likely", ""], rows);
}

import { open } from "node:fs/promises";
import type { Command } from "commander";
import { diagnosticsJob } from "../commissioning/diagnostics.ts";
import { localClient } from "../local/client.ts";
import { ConfigError } from "../model/errors.ts";
import { buildTime } from "../model/version.ts";
import { openClock } from "../store/clock.ts";
import { openSystem } from "../store/system.ts";
import { type CliContext, inFolder } from "./context.ts";
import { command, packagedSocket, socketOption } from "./daemon.ts";
import { diagnosticsSources } from "./diagnostics-sources.ts";
import { optionalConfig, readGatewayFacts } from "./gateway-facts.ts";

interface Options {
  readonly socket?: string;
  readonly output?: string;
  readonly withValues?: boolean;
}

export function diagnosticsCommand(context: CliContext): Command {
  return command(
    "diag",
    "put everything that helps to find a fault into one file, without secrets and personal data",
    ["stadsnod diag", "sudo stadsnod diag /etc/stadsnod/gateway.yaml -o /tmp/gw7.tar.gz"],
  )
    .argument(...optionalConfig)
    .addOption(socketOption())
    .option("-o, --output <file>", "where to write it (default: stadsnod-diagnostics-<time>.tar.gz here)")
    .option("--with-values", "personal values and free texts too; secrets never")
    .action(async (path: string | undefined, options: Options) => {
      const read = await readGatewayFacts(context, path);
      const socket =
        options.socket === undefined
          ? (read.facts.socket ?? packagedSocket)
          : inFolder(context, options.socket);
      using clock = openClock({ floor: buildTime, trust: read.config?.clock.trust ?? "auto" });
      const written: string[] = [];
      const job = diagnosticsJob(
        { withValues: options.withValues },
        {
          system: openSystem(),
          clock,
          random: Math.random,
          facts: async () => read.facts,
          sources: () => diagnosticsSources(context, read, localClient(socket)),
          save: async (name, bytes) => {
            const file = inFolder(context, options.output ?? name);
            await writeNew(file, bytes);
            written.push(file);
          },
        },
        context.signal,
      );
      for await (const { finding } of job)
        if (finding?.kind === "file")
          context.out(`${written.join(" ")}: ${Math.ceil(finding.bytes / 1000)} kB\n`);
      context.err("Look through it before you send it: README.txt in it says what was taken out.\n");
    });
}

/** For its owner alone, and never over another file. */
async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await using file = await open(path, "wx", 0o600);
    await file.writeFile(bytes);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unwritable";
    throw new ConfigError(`${path} cannot be written (${code})`, {
      code: "unwritable-file",
      hint: code === "EEXIST" ? "a bundle never replaces a file: name another with -o" : undefined,
      cause,
    });
  }
}

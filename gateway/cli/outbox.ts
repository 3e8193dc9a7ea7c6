import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { ConfigError } from "../model/errors.ts";
import { type DumpEntry, dumpOutbox } from "../outbox/dump-outbox.ts";
import { openFolderDisk } from "../store/folder-disk.ts";
import { type CliContext, ExitError, exit, inFolder } from "./context.ts";
import { command, configArgument } from "./daemon.ts";
import { requireConfiguration } from "./files.ts";

export function outboxCommand(context: CliContext): Command {
  return command("outbox", "show what waits in the outbox, record by record; also of a running gateway", [
    "stadsnod outbox",
    "stadsnod outbox /etc/stadsnod/gateway.yaml --northbound city",
    "stadsnod outbox --folder /var/lib/stadsnod/outbox-city --json",
  ])
    .argument(...configArgument)
    .option("-n, --northbound <name>", "the outbox of this northbound; needed when there are several")
    .option("-f, --folder <path>", "an outbox folder, without a gateway.yaml")
    .option("--json", "one record per line as JSON")
    .action(async (path: string, options: { northbound?: string; folder?: string; json?: boolean }) => {
      const folder =
        options.folder === undefined
          ? await folderOf(context, path, options.northbound)
          : inFolder(context, options.folder);
      if (!existsSync(folder)) {
        throw new ConfigError(`${folder}: no such folder`, {
          code: "no-outbox",
          hint: "the gateway has not run here yet",
        });
      }
      const counts = { packs: 0, acks: 0, readings: 0, damaged: 0 };
      for await (const entry of dumpOutbox(await openFolderDisk(folder))) {
        count(counts, entry);
        context.out(`${options.json ? JSON.stringify(entry) : line(entry)}\n`);
      }
      if (!options.json) {
        context.out(
          `${counts.packs} packs with ${counts.readings} readings written, ${counts.acks} of them acknowledged, ${counts.damaged} damaged places\n`,
        );
      }
      if (counts.damaged > 0) throw new ExitError(exit.failed);
    });
}

async function folderOf(context: CliContext, path: string, wanted: string | undefined): Promise<string> {
  const { northbound, storage } = await requireConfiguration(context, path);
  const names = [...northbound.keys()];
  const [only] = names;
  const name = wanted ?? (names.length === 1 ? only : undefined);
  if (name === undefined || !northbound.has(name)) {
    throw new ConfigError(wanted === undefined ? "which northbound?" : `no northbound ${wanted}`, {
      code: "unknown-northbound",
      hint: names.length === 0 ? "this configuration has none" : `--northbound is one of ${names.join(", ")}`,
    });
  }
  return join(storage.folder, `outbox-${name}`);
}

function count(
  counts: { packs: number; acks: number; readings: number; damaged: number },
  entry: DumpEntry,
): void {
  if (entry.type === "pack") {
    counts.packs++;
    counts.readings += entry.head?.readings ?? 0;
  } else if (entry.type === "ack") {
    for (const [from, to] of entry.acks ?? []) counts.acks += to - from + 1;
  } else if (entry.type === "damage" || !entry.crcOk) counts.damaged++;
}

function line(entry: DumpEntry): string {
  const place = `${entry.file} @${entry.offset}`.padEnd(30);
  switch (entry.type) {
    case "header":
      return `${place} segment ${entry.segment ? `${entry.segment.number}, ${entry.segment.length} bytes` : "without a readable header"}`;
    case "group":
      return `${place} group ${JSON.stringify(entry.group)}`;
    case "pack": {
      const head = entry.head;
      const time =
        head?.time.base === "unix" ? new Date(head.time.ms).toISOString() : `boot+${head?.time.ms} ms`;
      return `${place} pack #${entry.id} ${head?.lane} ${head?.audience} run ${head?.run} seq ${head?.seq}, ${head?.readings} readings, ${entry.packBytes} bytes, ${time}`;
    }
    case "ack":
      return `${place} ack ${entry.acks?.map(([from, to]) => (from === to ? `#${from}` : `#${from}..${to}`)).join(", ")}`;
    case "state":
      return `${place} state ${JSON.stringify(entry.state)}`;
    case "newer-format":
      return `${place} written by a newer version: left alone`;
    case "damage":
      return `${place} ${entry.length} damaged bytes`;
  }
}

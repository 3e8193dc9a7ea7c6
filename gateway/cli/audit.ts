import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { ConfigError, LinkError } from "../model/errors.ts";
import { Ledger, type StreamAudit } from "../telemetry/ledger.ts";
import { type CliContext, ExitError, exit, inFolder } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { table } from "./table.ts";

interface DaemonAccount {
  readonly gateway: string;
  readonly run: string;
  readonly audiences: readonly {
    readonly audience: string;
    readonly settledSeq: number;
  }[];
  readonly northbound: readonly {
    readonly name: string;
    readonly outbox: { readonly packs: number };
    readonly previousRuns: readonly {
      readonly run: string;
      readonly audience: string;
      readonly lastSeq: number;
    }[];
  }[];
}

export function auditCommand(context: CliContext): Command {
  return command(
    "audit",
    "compare what a consumer recorded with what the gateway produced: is anything missing?",
    ["stadsnod audit record.jsonl", "stadsnod audit record.jsonl --offline --json"],
  )
    .argument(
      "<record>",
      "what a consumer received, one JSON object per line (docs/telemetry.md, section Audit)",
    )
    .addOption(socketOption())
    .option("--offline", "do not ask a running gateway; judge by the record alone")
    .option("--json", "the result as JSON")
    .action(async (path: string, options: { socket?: string; offline?: boolean; json?: boolean }) => {
      // Asked first: what the gateway had then, the record may have by the time it is read.
      const asked = options.offline ? undefined : await askDaemon(context, options);
      const ledger = await readRecord(inFolder(context, path));
      if (asked) addAccount(ledger, asked);
      const streams = ledger.audit();
      const total = streams.reduce(
        (sum, one) => ({
          packs: sum.packs + one.expected,
          received: sum.received + one.received,
          readings: sum.readings + one.readings,
          lost: sum.lost + one.lost,
          missing: sum.missing + one.missing,
          duplicates: sum.duplicates + one.duplicates,
        }),
        { packs: 0, received: 0, readings: 0, lost: 0, missing: 0, duplicates: 0 },
      );
      if (options.json) context.out(`${JSON.stringify({ ...total, streams })}\n`);
      else context.out(report(streams, total, asked));
      if (total.missing > 0) throw new ExitError(exit.failed);
    });
}

async function readRecord(file: string): Promise<Ledger> {
  const ledger = new Ledger();
  let number = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      number++;
      if (line.trim() !== "") ledger.add(JSON.parse(line));
    }
  } catch (cause) {
    throw new ConfigError(
      `${file}${cause instanceof SyntaxError || cause instanceof RangeError ? `:${number}` : ""}: ${cause instanceof Error ? cause.message : cause}`,
      { code: "bad-record", hint: "a record has one JSON object per line, as docs/telemetry.md says", cause },
    );
  }
  return ledger;
}

/** The running gateway's own account; a gateway that is away cannot add to what the record says. */
async function askDaemon(
  context: CliContext,
  options: { socket?: string },
): Promise<DaemonAccount | undefined> {
  try {
    return await (await daemonOf(context, options)).get<DaemonAccount>("/v1/accounting");
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    context.err(`stadsnod: ${error.message}: judged by the record alone\n`);
    return undefined;
  }
}

function addAccount(ledger: Ledger, account: DaemonAccount): void {
  const { gateway, run } = account;
  for (const { audience, settledSeq } of account.audiences) {
    ledger.expect({ gateway, run, audience, lastSeq: settledSeq });
  }
  for (const { previousRuns } of account.northbound) {
    for (const previous of previousRuns) ledger.expect({ gateway, ...previous });
  }
}

function report(
  streams: readonly StreamAudit[],
  total: Omit<StreamAudit, "gateway" | "run" | "audience" | "expected" | "holes"> & { packs: number },
  asked: DaemonAccount | undefined,
): string {
  const rows = streams.map((one) => [
    one.gateway,
    one.run,
    one.audience,
    ...[one.expected, one.received, one.readings, one.duplicates, one.lost, one.missing].map(String),
  ]);
  const holes = streams.flatMap(({ gateway, run, audience, holes }) =>
    holes.map(([from, to]) => `missing: ${gateway}, run ${run}, audience ${audience}, seq ${from}..${to}`),
  );
  return `${[
    table(
      ["gateway", "run", "audience", "packs", "received", "readings", "duplicates", "in gaps", "missing"],
      rows,
    ),
    ...holes,
    `${total.packs - total.missing} of ${total.packs} packs accounted: ${total.received} received with ${total.readings} readings, each once; ${total.lost} given up and reported; ${total.duplicates} duplicates removed; ${total.missing} missing`,
    ...(asked
      ? asked.northbound
          .filter(({ outbox }) => outbox.packs > 0)
          .map(({ name, outbox }) => `(${outbox.packs} packs still wait in the outbox of ${name})`)
      : ["(the gateway was not asked: packs after the last one that anybody told of are unknown)"]),
  ].join("\n")}\n`;
}

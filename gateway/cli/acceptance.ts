import { createPublicKey } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { publicJwk, thumbprint } from "../codec/jws.ts";
import type { VerifiedReport } from "../commissioning/acceptance/report.ts";
import type { CommissioningState } from "../local/commissioning.ts";
import { ConfigError } from "../model/errors.ts";
import { version } from "../model/version.ts";
import { type CliContext, ExitError, exit, inFolder, readNamed } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { table } from "./table.ts";

/** A report of 2,000 points is below 2 MB. */
const maxReportBytes = 16 * 1024 * 1024;

export function acceptanceCommand(context: CliContext): Command {
  return command("acceptance", "acceptance reports: list and show them, and check that one is genuine", [
    "stadsnod acceptance list",
    "stadsnod acceptance show 2026-11-22-1a2b3c4d > report.html",
    "stadsnod acceptance verify report.html --key gateway-key.pem",
  ])
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(verifyCommand(context));
}

function listCommand(context: CliContext): Command {
  return command("list", "the reports that the gateway keeps, the newest first", ["stadsnod acceptance list"])
    .addOption(socketOption())
    .option("--json", "as JSON")
    .action(async (options: { socket?: string; json?: boolean }) => {
      const client = await daemonOf(context, options);
      const { reports } = await client.get<CommissioningState>("/v1/commissioning");
      if (options.json) context.out(`${JSON.stringify(reports)}\n`);
      else if (reports.length === 0) context.out("no report yet\n");
      else
        context.out(
          table(
            ["report", "time", "technician", "verdict"],
            reports.map(({ id, at, by, ok }) => [id, at, by, ok ? "accepted" : "accepted with remarks"]),
          ),
        );
    });
}

interface ShowOptions {
  readonly socket?: string;
  readonly html?: boolean;
  readonly jws?: boolean;
  readonly json?: boolean;
  readonly lang: string;
}

function showCommand(context: CliContext): Command {
  return command("show", "one report: what it says, or the signed document to keep", [
    "stadsnod acceptance show 2026-11-22-1a2b3c4d",
    "stadsnod acceptance show 2026-11-22-1a2b3c4d --html --lang sv > report.html",
    "stadsnod acceptance show 2026-11-22-1a2b3c4d --jws > report.json",
  ])
    .argument("<id>", "as `acceptance list` names it")
    .addOption(socketOption())
    .option("--html", "the page to read and print")
    .option("--jws", "the signed document (JWS)")
    .option("--json", "what was signed")
    .option("--lang <language>", "of the page: en or sv", "en")
    .action(async (id: string, options: ShowOptions) => {
      const client = await daemonOf(context, options);
      const jws = await client.get(`/v1/commissioning/reports/${encodeURIComponent(id)}.json`);
      const { verifyReport } = await import("../commissioning/acceptance/report.ts");
      const verified = verifyReport(JSON.stringify(jws));
      if (options.jws) return context.out(`${JSON.stringify(verified.jws)}\n`);
      if (options.json) return context.out(`${JSON.stringify(verified.report, null, 2)}\n`);
      if (options.html) return context.out(await pageOf(verified, options.lang === "sv" ? "sv" : "en"));
      await showReport(context, verified);
    });
}

interface VerifyOptions {
  readonly key?: string;
  readonly folder?: string;
  readonly qr?: string;
  readonly json?: boolean;
}

function verifyCommand(context: CliContext): Command {
  return command(
    "verify",
    "check a report: that nobody changed it, and whose key signed it; needs no gateway",
    [
      "stadsnod acceptance verify report.html",
      "stadsnod acceptance verify report.json --key gateway-key.pem",
      "stadsnod acceptance verify report.html --folder /var/lib/stadsnod",
    ],
  )
    .argument("<file>", "the page or the signed document; - is standard input")
    .option(
      "--key <file or thumbprint>",
      "the key of the gateway that should have signed: PEM, or its thumbprint",
    )
    .option("--folder <path>", "the storage folder of the gateway that should have signed")
    .option("--qr <text>", "what the QR code of a printed copy says")
    .option("--json", "the result as JSON")
    .addHelpText(
      "after",
      "\nExit code 1: it was changed, or another key signed it. Without --key and --folder the key is shown, not compared.",
    )
    .action(async (path: string, options: VerifyOptions) => {
      const bytes = readNamed(context, path);
      if (bytes.length > maxReportBytes)
        throw new ConfigError(`${path} is too large for a report`, { code: "file-too-large" });
      const file = bytes.toString("utf8");
      const wanted = wantedKey(context, options);
      const { qrText, verifyReport } = await import("../commissioning/acceptance/report.ts");
      const verified = verifyReport(file);
      const wrong = [
        ...(wanted !== undefined && wanted !== verified.kid ? [`signed by another key than ${wanted}`] : []),
        ...(options.qr !== undefined && options.qr.trim() !== qrText(verified)
          ? ["the QR code is that of another report"]
          : []),
        ...((await isSamePage(file, verified)) ? [] : ["what the page shows is not what was signed"]),
      ];
      if (options.json) {
        const { report, kid, hash } = verified;
        const compared = wanted !== undefined;
        context.out(
          `${JSON.stringify({ genuine: wrong.length === 0, compared, kid, hash, wrong, report })}\n`,
        );
      } else {
        await showReport(context, verified);
        context.out(`${wanted === undefined ? "key not compared: give --key or --folder\n" : ""}`);
        for (const one of wrong) context.err(`${one}\n`);
        if (wrong.length === 0) context.out("unchanged since it was signed\n");
      }
      if (wrong.length > 0) throw new ExitError(exit.failed);
    });
}

/** Thumbprint of the key that is expected; undefined where nobody said. Throws ConfigError. */
function wantedKey(context: CliContext, { key, folder }: VerifyOptions): string | undefined {
  const file =
    folder === undefined
      ? key === undefined
        ? undefined
        : inFolder(context, key)
      : inFolder(context, `${folder}/identity/key.pem`);
  if (file === undefined) return undefined;
  if (folder === undefined && !existsSync(file) && /^[\w-]{43}$/.test(key ?? "")) return key;
  try {
    return thumbprint(publicJwk(createPublicKey(readFileSync(file))));
  } catch (cause) {
    throw new ConfigError(`${file} is no key that can be read`, {
      code: "bad-key",
      hint: "a PEM file with a key on P-256, or a thumbprint",
      cause,
    });
  }
}

/** Of a page: whether its visible text follows from what was signed. Only the version that wrote it can say. */
async function isSamePage(file: string, verified: VerifiedReport): Promise<boolean> {
  if (verified.language === undefined || verified.report.gateway.version !== version) return true;
  return (await pageOf(verified, verified.language)) === file;
}

async function pageOf(verified: VerifiedReport, language: "en" | "sv"): Promise<string> {
  const { reportHtml } = await import("../commissioning/acceptance/report-html.ts");
  return reportHtml(verified, language);
}

async function showReport(
  context: CliContext,
  { report, kid, hash, language }: VerifiedReport,
): Promise<void> {
  const { missingWords } = await import("../commissioning/acceptance/words.ts");
  const points = report.devices.reduce((sum, device) => sum + device.points.length, 0);
  const lines = [
    `report ${report.id} of gateway ${report.gateway.id}, ${report.time}`,
    `verdict: ${report.ok ? "accepted" : `accepted with remarks, because ${report.despite}`}`,
    `technician: ${report.technician}${report.note === undefined ? "" : ` (${report.note})`}`,
    `devices: ${report.devices.length}, points: ${points}`,
    ...report.missing.map((one) => `remark: ${missingWords(one, "en")}`),
    `key: ${kid}`,
    `sha-256: ${hash}`,
  ];
  if (language !== undefined && report.gateway.version !== version)
    lines.push(
      `the page was written by version ${report.gateway.version}: its visible text was not compared`,
    );
  context.out(`${lines.join("\n")}\n`);
}

import type { Command } from "commander";
import { doctorJob } from "../commissioning/doctor/doctor.ts";
import type { CheckDone } from "../model/commissioning.ts";
import { buildTime } from "../model/version.ts";
import { openClock } from "../store/clock.ts";
import { openSystem } from "../store/system.ts";
import { type CliContext, ExitError, exit } from "./context.ts";
import { command } from "./daemon.ts";
import { optionalConfig, readGatewayFacts } from "./gateway-facts.ts";
import { languageOption } from "./language.ts";
import type { Language } from "./register-words.ts";

export function doctorCommand(context: CliContext): Command {
  return command(
    "doctor",
    "look for what keeps a gateway from working: ports, time, disk, power, brokers; says what to do",
    ["stadsnod doctor", "sudo stadsnod doctor /etc/stadsnod/gateway.yaml --language sv"],
  )
    .argument(...optionalConfig)
    .addOption(languageOption(context))
    .option("--json", "one check per line as JSON, in both languages")
    .action(async (path: string | undefined, options: { language: Language; json?: boolean }) => {
      const read = await readGatewayFacts(context, path);
      using clock = openClock({ floor: buildTime, trust: read.config?.clock.trust ?? "auto" });
      const doctor = { system: openSystem(), clock, random: Math.random, facts: async () => read.facts };
      const counts = { ok: 0, warning: 0, failed: 0, "not-applicable": 0 };
      for await (const { finding } of doctorJob({}, doctor, context.signal)) {
        if (finding?.kind !== "check") continue;
        counts[finding.result]++;
        context.out(
          options.json
            ? `${JSON.stringify(finding)}\n`
            : checkText(finding, options.language, colours(context)),
        );
      }
      if (!options.json) context.out(`\n${summary(counts, options.language)}\n`);
      if (counts.failed > 0) throw new ExitError(exit.failed);
    });
}

type Result = CheckDone["result"];

const marks: Readonly<Record<Result, { colour: number; en: string; sv: string }>> = {
  ok: { colour: 32, en: "ok", sv: "ok" },
  warning: { colour: 33, en: "warning", sv: "varning" },
  failed: { colour: 31, en: "FAILED", sv: "FEL" },
  "not-applicable": { colour: 90, en: "-", sv: "-" },
};

const markWidth = 9;

/** A check as a technician reads it: the mark says it without colour too. */
export function checkText(
  { id, subject, result, message, fix }: CheckDone,
  language: Language,
  coloured: boolean,
): string {
  const mark = marks[result];
  const padded = mark[language].padEnd(markWidth);
  const shown = coloured ? `\u001b[${mark.colour}m${padded}\u001b[0m` : padded;
  const about = subject === undefined ? id : `${id} ${subject}`;
  const text = (one: { en: string; sv?: string | undefined }) =>
    language === "sv" ? (one.sv ?? one.en) : one.en;
  const lines = [`${shown}${about}: ${text(message)}`];
  if (fix) lines.push(`${" ".repeat(markWidth)}  -> ${text(fix)}`);
  return `${lines.join("\n")}\n`;
}

/** Whether marks are coloured: on a terminal, unless somebody does not want it (no-color.org). */
export function colours({ columns, env }: CliContext): boolean {
  return columns !== undefined && !env.NO_COLOR;
}

function summary(counts: Readonly<Record<Result, number>>, language: Language): string {
  const { ok, warning, failed } = counts;
  return language === "sv"
    ? `${ok} ok, ${warning} varningar, ${failed} fel`
    : `${ok} ok, ${warning} warnings, ${failed} failed`;
}

import type { Command } from "commander";
import { portFacts } from "../commissioning/ports.ts";
import type { PortFacts } from "../model/commissioning.ts";
import type { Text } from "../model/device.ts";
import { openSystem } from "../store/system.ts";
import type { CliContext } from "./context.ts";
import { command } from "./daemon.ts";
import { optionalConfig, readGatewayFacts } from "./gateway-facts.ts";
import { languageOption } from "./language.ts";
import type { Language } from "./register-words.ts";

export function portsCommand(context: CliContext): Command {
  return command(
    "ports",
    "list this machine's serial ports: the name to write into gateway.yaml, and what is wrong",
    ["stadsnod ports", "stadsnod ports --json | jq -r '.[].name'"],
  )
    .argument(...optionalConfig)
    .addOption(languageOption(context))
    .option("--json", "an array of ports, texts in both languages")
    .action(async (path: string | undefined, options: { language: Language; json?: boolean }) => {
      const { facts } = await readGatewayFacts(context, path);
      const ports = await portFacts(openSystem(), facts.ports);
      if (options.json) context.out(`${JSON.stringify(ports)}\n`);
      else context.out(portsText(ports, options.language));
    });
}

const words = {
  none: { en: "no serial ports", sv: "inga serieportar" },
  connection: { en: "connection", sv: "anslutning" },
  free: { en: "free", sv: "ledig" },
  also: { en: "also", sv: "även" },
} as const;

function portsText(ports: readonly PortFacts[], language: Language): string {
  const text = (one: Text) => (language === "sv" ? (one.sv ?? one.en) : one.en);
  if (ports.length === 0) return `${text(words.none)}\n`;
  return ports
    .map(({ name, names, what, connection, note, problem }) => {
      const others = names.filter((one) => one !== name);
      const used = connection === undefined ? text(words.free) : `${text(words.connection)} ${connection}`;
      return [
        name,
        `  ${what}; ${used}`,
        ...(others.length > 0 ? [`  ${text(words.also)}: ${others.join(", ")}`] : []),
        ...(note ? [`  ${text(note)}`] : []),
        ...(problem ? [`  ! ${text(problem.message)}`, `    -> ${text(problem.fix)}`] : []),
        "",
      ].join("\n");
    })
    .join("\n");
}

import { type Command, Option } from "commander";
import type { GatewayConfig } from "../config/config.ts";
import { catalogueOf } from "./catalogue-graph.ts";
import type { CliContext } from "./context.ts";
import { command } from "./daemon.ts";
import { requireConfiguration } from "./files.ts";
import { toJsonLd, toTurtle } from "./rdf.ts";

export function catalogueCommand(context: CliContext): Command {
  return command("catalogue", "write DCAT-AP-SE metadata of the open data, for a data portal to harvest", [
    "stadsnod catalogue gateway.yaml > catalogue.ttl",
    "stadsnod catalogue sites/*.yaml --format json-ld",
  ])
    .argument("[gateway.yaml...]", "configurations of gateways; the first says who publishes", [
      "gateway.yaml",
    ])
    .addOption(
      new Option("-f, --format <format>", "of the metadata").choices(["turtle", "json-ld"]).default("turtle"),
    )
    .action(async (paths: string[], options: { format: "turtle" | "json-ld" }) => {
      const configs: GatewayConfig[] = [];
      for (const path of paths) configs.push(await requireConfiguration(context, path));
      const resources = catalogueOf(configs);
      context.out(options.format === "turtle" ? toTurtle(resources) : toJsonLd(resources));
    });
}

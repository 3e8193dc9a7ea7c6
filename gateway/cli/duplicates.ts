import { type Command, InvalidArgumentError } from "commander";
import { ConfigError } from "../model/errors.ts";
import type { CliContext } from "./context.ts";
import { readNamed } from "./context.ts";
import { command } from "./daemon.ts";
import { requireConfiguration } from "./files.ts";
import { describedSensors, duplicatesIn, type Inventory, type Sensor, sensorsOf } from "./sensors.ts";
import { table } from "./table.ts";

export function duplicatesCommand(context: CliContext): Command {
  return command(
    "duplicates",
    "find sensors of different gateways that measure the same at the same place, to share instead of doubling",
    [
      "stadsnod duplicates sites/*.yaml --within 50m",
      "stadsnod duplicates north.yaml descriptions.json --within 200m --quantity temperature --json",
    ],
  )
    .argument("<inventory...>", "gateway.yaml files, or JSON with Thing Descriptions")
    .option("-w, --within <distance>", "how near, such as 50m or 1km", metresOf, 50)
    .option("-q, --quantity <name>", "only this one, such as temperature")
    .option("--json", "one pair per line as JSON")
    .action(async (paths: string[], options: { within: number; quantity?: string; json?: boolean }) => {
      const sensors: Sensor[] = [];
      let without = 0;
      for (const path of paths) {
        const inventory = await inventoryOf(context, path);
        sensors.push(...inventory.sensors);
        without += inventory.without;
      }
      const { quantity } = options;
      if (quantity !== undefined && !sensors.some((one) => one.quantity === quantity)) {
        const known = [...new Set(sensors.map((one) => one.quantity))].sort();
        throw new ConfigError(`nothing here measures ${quantity}`, {
          code: "unknown-quantity",
          hint: known.length > 0 ? `there are ${known.join(", ")}` : "no device has a position",
        });
      }
      const wanted = quantity === undefined ? sensors : sensors.filter((one) => one.quantity === quantity);
      const found = duplicatesIn(wanted, options.within);
      if (options.json) {
        for (const pair of found) context.out(`${JSON.stringify(pair)}\n`);
        return;
      }
      if (found.length > 0) {
        const rows = found.map(({ quantity: what, metres, one, other }) => [
          what,
          String(metres),
          nameOf(one),
          nameOf(other),
        ]);
        context.out(`${table(["quantity", "metres", "one", "other"], rows)}\n`);
      }
      const gateways = new Set(sensors.map(({ gateway }) => gateway)).size;
      context.out(
        `${found.length} ${found.length === 1 ? "pair" : "pairs"} within ${options.within} m among ${sensors.length} points of ${gateways} gateways${without > 0 ? `; ${without} devices without a position were left out` : ""}\n`,
      );
    });
}

async function inventoryOf(context: CliContext, path: string): Promise<Inventory> {
  if (!path.endsWith(".json")) return sensorsOf(await requireConfiguration(context, path));
  const inventory = describedSensors(parsed(readNamed(context, path).toString("utf8")));
  if (inventory) return inventory;
  throw new ConfigError(`${path} has no Thing Descriptions`, {
    code: "bad-inventory",
    hint: "it is one description or a list of them, as the gateway publishes them under description/<device>",
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function nameOf({ gateway, device, point, owner }: Sensor): string {
  return `${gateway}/${device}/${point}${owner === undefined ? "" : ` (${owner})`}`;
}

function metresOf(written: string): number {
  const [, number, unit] = /^(\d{1,6}(?:\.\d{1,3})?)(m|km)$/.exec(written) ?? [];
  if (number === undefined) throw new InvalidArgumentError("write a distance such as 50m or 1km");
  return Number(number) * (unit === "km" ? 1000 : 1);
}

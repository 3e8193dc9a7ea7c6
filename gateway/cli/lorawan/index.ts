import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { command } from "../daemon.ts";
import { devicesCommand } from "./devices.ts";

export function lorawanCommand(context: CliContext): Command {
  const lorawan = command("lorawan", "take LoRaWAN devices into gateway.yaml", [
    "stadsnod lorawan devices",
    "stadsnod lorawan devices --yaml --list devices.csv",
  ]);
  lorawan.addCommand(devicesCommand(context));
  return lorawan;
}

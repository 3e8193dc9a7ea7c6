import type { Command } from "commander";
import { profileSchemaText } from "../../profiles/editor-schema.ts";
import type { CliContext } from "../context.ts";
import { command } from "../daemon.ts";
import { checkProfiles } from "./check.ts";
import { documentCommand } from "./doc.ts";
import { importCommand } from "./import.ts";
import { newCommand } from "./new.ts";
import { probeCommand } from "./probe.ts";
import { protocols } from "./protocols.ts";
import { recordCommand } from "./record.ts";
import { showCommand } from "./show.ts";
import { simulateCommand } from "./simulate.ts";
import { testProfiles } from "./test.ts";

export function profileCommand(context: CliContext): Command {
  const profile = command("profile", "work on device profiles; no hardware needed", [
    "stadsnod profile check device-profiles",
    "stadsnod profile test device-profiles/eastron/sdm630.yaml",
  ]);
  for (const make of commands) profile.addCommand(make(context));
  profile.addCommand(
    command("schema", "print the JSON Schema of profiles, for editors", [
      "stadsnod profile schema > device-profiles/profile.schema.json",
    ]).action(() => context.out(profileSchemaText(protocols))),
  );
  return profile;
}

const commands = [
  newCommand,
  checkProfiles,
  testProfiles,
  showCommand,
  documentCommand,
  simulateCommand,
  probeCommand,
  recordCommand,
  importCommand,
];

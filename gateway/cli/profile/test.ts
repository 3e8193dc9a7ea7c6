import type { Command } from "commander";
import { runExample } from "../../profiles/example.ts";
import { openSandbox } from "../../sandbox/sandbox.ts";
import { openClock } from "../../store/clock.ts";
import { type CliContext, ExitError, exit } from "../context.ts";
import { command } from "../daemon.ts";
import { showDiagnostics } from "../files.ts";
import { load, profilesIn, protocolOf, replayContext, shown } from "./named.ts";

export function testProfiles(context: CliContext): Command {
  return command("test", "run the examples inside profiles, without hardware", [
    "stadsnod profile test device-profiles",
    "stadsnod profile test device-profiles/abb/b23.yaml --json",
  ])
    .argument("<paths...>", "profiles, or folders of profiles")
    .option("--json", "one result per line as JSON")
    .action(async (paths: string[], options: { json?: boolean }) => {
      using clock = openClock({ trust: "always", floor: 0 });
      await using sandbox = openSandbox({ clock });
      let passed = 0;
      let failed = 0;
      for (const file of profilesIn(context, paths)) {
        const loaded = load(context, file);
        showDiagnostics(context, loaded.diagnostics);
        if (!loaded.profile) {
          failed++;
          continue;
        }
        for (const example of loaded.examples) {
          const results = await runExample(
            loaded.profile,
            example,
            protocolOf(loaded),
            replayContext(context, clock, sandbox),
          );
          const wrong = results.filter((result) => !result.passed);
          if (wrong.length === 0) passed++;
          else failed++;
          if (options.json) {
            context.out(
              `${JSON.stringify({ profile: loaded.profile.id, example: example.name, results })}\n`,
            );
          } else {
            for (const { point, expected, got } of wrong) {
              context.err(
                `${shown(context, file)}: example "${example.name}": ${point === "" ? "" : `${point}: `}expected ${expected}, got ${got}\n`,
              );
            }
          }
        }
      }
      if (!options.json) context.out(`${passed} examples passed, ${failed} failed\n`);
      if (failed > 0) throw new ExitError(exit.failed);
    });
}

import { type Command, Option } from "commander";
import type { DeviceProfile } from "../../model/device.ts";
import { formatDuration } from "../../model/duration.ts";
import { GatewayError } from "../../model/errors.ts";
import { documentProfile, type PlanSummary } from "../../profiles/document.ts";
import { documentHtml } from "../../profiles/document-html.ts";
import { record } from "../../profiles/import/fields.ts";
import { sampleDevice } from "../../profiles/sample.ts";
import type { Protocol } from "../../southbound/protocol.ts";
import type { CliContext } from "../context.ts";
import { command } from "../daemon.ts";
import { good, protocolOf } from "./named.ts";
import { usualSerial } from "./placement.ts";

export function documentCommand(context: CliContext): Command {
  return command("doc", "print a profile as a page for people", [
    "stadsnod profile doc device-profiles/abb/b23.yaml > b23.md",
    "stadsnod profile doc device-profiles/abb/b23.yaml --format html --language sv > b23.html",
  ])
    .argument("<path>", "the profile")
    .addOption(
      new Option("-l, --language <language>", "language of the page, or the one that it shows first")
        .choices(["en", "sv"])
        .default("en"),
    )
    .addOption(
      new Option("-f, --format <format>", "what to write").choices(["markdown", "html"]).default("markdown"),
    )
    .action((path: string, options: { language: string; format: string }) => {
      const { profile, about } = good(context, path);
      const language = options.language === "sv" ? "sv" : "en";
      const plan = planOf(protocolOf({ profile }), profile);
      const document = options.format === "html" ? documentHtml : documentProfile;
      context.out(document(profile, about, language, plan));
    });
}

/** What reading it takes on the line that such a device usually hangs on; undefined where nobody can know. */
function planOf(protocol: Protocol, profile: DeviceProfile): PlanSummary | undefined {
  try {
    const serial = protocol.connection.safeParse(usualSerial(protocol, {}, "line"));
    const connection = serial.success ? serial.data : protocol.connection.parse(protocol.sample?.connection);
    const { baud } = record(record(connection).endpoint);
    const device = sampleDevice(protocol, profile);
    const { requests, heard = [] } = protocol.plan(connection, device, profile.points, {});
    return {
      line: baud === undefined ? undefined : `${String(baud)} baud`,
      heard: heard.length,
      requests: requests.map(({ label, points, costMs }) => ({
        label,
        costMs,
        points: points.length,
        classes: [...new Set(points.map(({ pollClass }) => className(pollClass)))],
      })),
    };
  } catch (error) {
    // A device that needs settings of its own has no plan without them.
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

function className(pollClass: DeviceProfile["points"][number]["pollClass"]): string {
  return typeof pollClass === "object" ? formatDuration(pollClass.everyMs) : pollClass;
}

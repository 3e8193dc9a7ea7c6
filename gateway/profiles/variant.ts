import { createHash } from "node:crypto";
import type { z } from "zod";
import { suggest } from "../codec/suggest.ts";
import type { YamlDocument } from "../codec/yaml.ts";
import type { DeviceProfile, Point } from "../model/device.ts";
import type { Protocol } from "../southbound/protocol.ts";
import { type Report, toText } from "./compile.ts";
import { deprecation } from "./deprecation.ts";
import { compilePoints } from "./derived.ts";
import { type Chosen, checkWhen, describeChosen, describeWhen, holds, type Options } from "./option.ts";
import type { profileSchemaOf } from "./schema.ts";
import { compileIdentify, compileSetup } from "./setup.ts";
import { compileWrites } from "./write-rule.ts";

// A profile is compiled once for each set of choices that a device makes.

/** A profile of any protocol, as its schema hands it on. */
export type WrittenProfile = z.output<ReturnType<typeof profileSchemaOf>>;

/** What every variant of a profile is compiled from. */
export interface VariantSource {
  readonly document: YamlDocument;
  readonly protocol: Protocol;
  readonly written: WrittenProfile;
  readonly options: Options;
  /** Of the files. */
  readonly hash: string;
}

/** The profile as it is with some choices. */
export function compileVariant(source: VariantSource, chosen: Chosen, report: Report): DeviceProfile {
  const { document, protocol, written, options } = source;
  const settings: unknown = Reflect.get(written, protocol.name);
  let broken = false;
  const context = {
    document,
    protocol,
    head: settings,
    report: ((path, part, finding) => {
      broken ||= finding.severity !== "warning";
      report(path, part, finding);
    }) satisfies Report,
  };
  const there = Object.fromEntries(
    Object.entries(written.points).filter(([, point]) => holds(point.when, chosen)),
  );
  const elsewhere = gated(written);
  const { points: compiled, computed } = compilePoints({ ...context, options, elsewhere, chosen }, there);
  const isRead = (point: Point): boolean => there[point.name]?.at !== undefined;
  const draft: DeviceProfile = {
    id: written.profile,
    version: written.version,
    title: toText(written.title),
    manufacturer: written.manufacturer,
    models: written.models,
    category: written.category,
    status: written.status,
    protocol: protocol.name,
    protocolSettings: settings,
    points: compiled.filter(isRead),
    ...(computed.length > 0 ? { computed } : {}),
    ...(options.size > 0 ? { options, chosen } : {}),
    deprecated: written.deprecated,
    hash: options.size > 0 ? hashOf(source.hash, chosen) : source.hash,
  };
  const withDraft = { ...context, options, chosen, elsewhere, profile: draft };
  const all = compileWrites(withDraft, there, compiled);
  const points = all.filter(isRead);
  const commands = all.filter((point) => !isRead(point));
  const withPoints = { ...withDraft, profile: { ...draft, points } };
  const setup = compileSetup(withPoints, written.setup ?? [], chosen, all);
  const identify = compileIdentify(withPoints, written.identify ?? [], chosen);
  const profile: DeviceProfile = {
    ...draft,
    points,
    ...(commands.length > 0 ? { commands } : {}),
    ...(setup.length > 0 ? { setup } : {}),
    ...(identify.rules.length > 0 ? { identify: identify.rules, identifyPoints: identify.points } : {}),
  };
  checkDeprecated(context.report, all);
  // A protocol checks what it can rely on: profiles without other errors.
  if (!broken)
    for (const { path, ...finding } of protocol.check(profile)) context.report(path, "value", finding);
  return profile;
}

function hashOf(files: string, chosen: Chosen): string {
  return createHash("sha256")
    .update(`${files}\0${describeChosen(chosen)}`)
    .digest("hex");
}

/** Every gate of the profile: do its options and choices exist? */
export function checkGates(written: WrittenProfile, options: Options, report: Report): void {
  for (const [name, point] of Object.entries(written.points))
    checkWhen(point.when, options, ["points", name], report);
  for (const [index, { when }] of written.setup?.entries() ?? [])
    checkWhen(when, options, ["setup", index], report);
  for (const [index, { when }] of written.identify?.entries() ?? [])
    checkWhen(when, options, ["identify", index], report);
}

/** Points that only some choices have, each with the words for it. */
export function gated(written: WrittenProfile): Map<string, string> {
  return new Map(
    Object.entries(written.points).flatMap(([name, { when }]) =>
      when ? [[name, `"${name}" is only there with ${describeWhen(when)}`] as const] : [],
    ),
  );
}

/** Every gate in words, by what stands behind it: for the documentation page. */
export function gates(written: WrittenProfile): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, { when }] of Object.entries(written.points))
    if (when) found.set(name, describeWhen(when));
  for (const { when, set, at, value } of written.setup ?? [])
    if (when) found.set(`${set ?? JSON.stringify(at)} = ${String(value)}`, describeWhen(when));
  return found;
}

/** Warnings: what is deprecated still works. */
function checkDeprecated(report: Report, points: readonly Point[]): void {
  const names = points.map((point) => point.name);
  for (const { name, deprecated } of points) {
    if (!deprecated) continue;
    const path = ["points", name, "deprecated"];
    if (deprecated.use !== undefined && !names.includes(deprecated.use)) {
      const near = suggest(deprecated.use, names);
      report([...path, "use"], "value", {
        code: "unknown-point",
        message: `the profile has no point "${deprecated.use}"`,
        hint: near === undefined ? "name the point that takes its place" : `did you mean "${near}"?`,
      });
    }
    report(path, "key", deprecation(`the point "${name}"`, deprecated));
  }
}

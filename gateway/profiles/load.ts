import { createHash } from "node:crypto";
import { checkSchema } from "../codec/check.ts";
import { alternatives, suggest } from "../codec/suggest.ts";
import { diagnose, type Path, parseYaml, sorted, type YamlDocument } from "../codec/yaml.ts";
import type { DeviceProfile } from "../model/device.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Protocol } from "../southbound/protocol.ts";
import { type Report, toText } from "./compile.ts";
import { compilePoints } from "./derived.ts";
import { checkExamples, type Example } from "./example.ts";
import { notYet, profileSchemaOf } from "./schema.ts";

/** What the file says beyond what the daemon needs: for the documentation page. */
export interface ProfileAbout {
  readonly sources: readonly {
    readonly document: string;
    readonly url?: string | undefined;
    readonly pages?: string | undefined;
  }[];
  readonly notes?: string | undefined;
  readonly caveats: readonly string[];
}

export interface LoadedProfile {
  /** There exactly when no diagnostic is an error. */
  readonly profile?: DeviceProfile;
  readonly about?: ProfileAbout;
  readonly examples: readonly Example[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads one profile. Never throws. `file` is the path as the user knows it; the profile's id must
 * equal its end without `.yaml`.
 */
export function loadProfile(text: string, file: string, protocols: readonly Protocol[]): LoadedProfile {
  const { document, diagnostics } = parseYaml(text, file);
  if (!document) return { diagnostics, examples: [] };
  const found: Diagnostic[] = [];
  const report: Report = (path, part, finding) => {
    found.push(diagnose(document, path, part, finding));
  };
  const loaded = compile(document, protocols, report, found);
  const all = sorted(found);
  const broken = all.some((one) => one.severity === "error");
  return broken || !loaded ? { diagnostics: all, examples: [] } : { ...loaded, diagnostics: all };
}

function compile(
  document: YamlDocument,
  protocols: readonly Protocol[],
  report: Report,
  found: Diagnostic[],
): Omit<LoadedProfile, "diagnostics"> | undefined {
  const { value } = document;
  if (!isMapping(value)) {
    const message = "a profile is a mapping that begins with profile: <maker>/<model>";
    report([], "value", { code: "wrong-type", message });
    return undefined;
  }
  const protocol = protocols.find((one) => one.name === value.protocol);
  if (!protocol) {
    reportProtocol(report, value.protocol, protocols);
    return undefined;
  }
  const checked = checkSchema(document, profileSchemaOf(protocol), {
    path: [],
    value: withoutUnsupported(value, report),
  });
  found.push(...checked.diagnostics);
  if (!checked.value) return undefined;
  const written = checked.value;
  const { points, computed } = compilePoints({ document, protocol, report }, written.points);
  const profile: DeviceProfile = {
    id: written.profile,
    version: written.version,
    title: toText(written.title),
    manufacturer: written.manufacturer,
    models: written.models,
    category: written.category,
    status: written.status,
    protocol: protocol.name,
    protocolSettings: Reflect.get(written, protocol.name),
    points,
    computed,
    hash: createHash("sha256").update(document.text).digest("hex"),
  };
  checkHead(report, document, profile, written.notes);
  // A protocol checks what it can rely on: profiles without other errors.
  if (!found.some((one) => one.severity === "error")) {
    for (const { path, ...finding } of protocol.check(profile)) report(path, "value", finding);
  }
  const examples = checkExamples(written.examples ?? [], profile, report);
  const sources = written.sources.map(({ document: title, url, pages }) => ({
    document: title,
    url,
    pages: pages === undefined ? undefined : String(pages),
  }));
  return { profile, about: { sources, notes: written.notes, caveats: written.caveats ?? [] }, examples };
}

function reportProtocol(report: Report, written: unknown, protocols: readonly Protocol[]): void {
  const names = protocols.map((one) => one.name);
  if (written === undefined) {
    report([], "value", {
      code: "missing-key",
      message: 'the key "protocol" is missing',
      hint: `one of ${alternatives(names)}`,
    });
    return;
  }
  const near = typeof written === "string" ? suggest(written, names) : undefined;
  const hint = near === undefined ? `one of ${alternatives(names)}` : `did you mean "${near}"?`;
  report(["protocol"], "value", {
    code: "unknown-protocol",
    message: `unknown protocol ${JSON.stringify(written)}`,
    hint,
  });
}

function checkHead(
  report: Report,
  document: YamlDocument,
  profile: DeviceProfile,
  notes: string | undefined,
): void {
  const segments = document.file
    .replaceAll("\\", "/")
    .replace(/\.ya?ml$/, "")
    .split("/")
    .slice(-2);
  if (segments.join("/") !== profile.id) {
    const message = `the id "${profile.id}" is not the path of this file`;
    const hint = `the file's path says "${segments.join("/")}"`;
    report(["profile"], "value", { code: "id-mismatch", message, hint });
  }
  if (profile.status !== "draft" && notes === undefined) {
    const message = `the status ${profile.status} needs its evidence in "notes"`;
    report(["status"], "value", {
      code: "missing-evidence",
      message,
      hint: "write what was tested, with which unit, or: draft",
    });
  }
  if (document.keys(["examples"]).length === 0) {
    const message = "a profile without examples proves nothing";
    report([], "value", { code: "no-examples", message, severity: "warning" });
  }
}

/** The profile without the words of later versions, each of them reported. */
function withoutUnsupported(written: Record<string, unknown>, report: Report): Record<string, unknown> {
  const head = strip(written, notYet.head, [], report);
  if (isMapping(written.points)) {
    const points: Record<string, unknown> = {};
    for (const [name, point] of Object.entries(written.points)) {
      if (!isMapping(point)) {
        points[name] = point;
        continue;
      }
      const path = ["points", name];
      const kept = strip(point, notYet.point, path, report);
      // Such a point has no address of its own: nothing else is left to check.
      if (kept.at === undefined && ("repeat" in point || "use" in point)) continue;
      points[name] = kept;
    }
    head.points = points;
    if (Object.keys(points).length === 0 && Object.keys(written.points).length > 0) head.points = undefined;
  }
  if (Array.isArray(written.examples)) {
    head.examples = written.examples.filter((example: unknown, index) => {
      const key = isMapping(example) ? notYet.example.find((word) => word in example) : undefined;
      if (key !== undefined) later(report, ["examples", index, key], `"${key}" in an example`, "warning");
      return key === undefined;
    });
  }
  return head;
}

function strip(
  written: Record<string, unknown>,
  words: readonly string[],
  path: Path,
  report: Report,
): Record<string, unknown> {
  const kept = { ...written };
  for (const word of words) {
    if (!(word in kept)) continue;
    later(report, [...path, word], `"${word}"`);
    delete kept[word];
  }
  return kept;
}

function later(report: Report, path: Path, what: string, severity: "error" | "warning" = "error"): void {
  const message = `${what} is not yet supported by this version`;
  report(path, "key", { code: "not-yet-supported", message, severity });
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

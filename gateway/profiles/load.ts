import { createHash } from "node:crypto";
import { checkSchema } from "../codec/check.ts";
import { alternatives, suggest } from "../codec/suggest.ts";
import { diagnose, parseYaml, sorted, type YamlDocument } from "../codec/yaml.ts";
import type { DeviceProfile } from "../model/device.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Deprecation } from "../model/write-rule.ts";
import type { Protocol } from "../southbound/protocol.ts";
import { attachFiles } from "./attach.ts";
import type { Report } from "./compile.ts";
import { deprecation } from "./deprecation.ts";
import { checkExamples, type Example } from "./example.ts";
import { type Bases, type Expanded, expandProfile, noBases } from "./expand.ts";
import { type Chosen, compileOptions, describeChosen, type Options, variants } from "./option.ts";
import { profileSchemaOf } from "./schema.ts";
import { checkGates, compileVariant, gated, gates, type VariantSource } from "./variant.ts";

/** What the file says beyond what the daemon needs: for the documentation page. */
export interface ProfileAbout {
  readonly sources: readonly {
    readonly document: string;
    readonly url?: string | undefined;
    readonly pages?: string | undefined;
  }[];
  readonly notes?: string | undefined;
  readonly caveats: readonly string[];
  /** Points and setup steps that only some choices have, each with its gate in words. */
  readonly gated?: ReadonlyMap<string, string> | undefined;
}

export interface LoadedProfile {
  /** With the default choices, or the first ones; there exactly when no diagnostic is an error. */
  readonly profile?: DeviceProfile;
  /** What a device may choose; empty for most profiles. */
  readonly options?: Options;
  /** The profile with other choices: one object for one set of choices. They must be of `options`. */
  readonly variant?: (chosen: Chosen) => DeviceProfile;
  readonly about?: ProfileAbout;
  readonly examples: readonly Example[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads one profile. Never throws. `file` is the path as the user knows it; the profile's id must
 * equal its end without `.yaml`. `bases`: where a profile that it names with `use` is found. Every
 * variant that its options allow is checked.
 */
export function loadProfile(
  text: string,
  file: string,
  protocols: readonly Protocol[],
  bases: Bases = noBases,
): LoadedProfile {
  const parsed = parseYaml(text, file);
  if (!parsed.document) return { diagnostics: parsed.diagnostics, examples: [] };
  const found: Diagnostic[] = [];
  const expanded = expandProfile(parsed.document, bases, found);
  const loaded = expanded && compile(expanded, protocols, bases, found);
  const all = sorted(found);
  const broken = all.some((one) => one.severity === "error");
  return broken || !loaded ? { diagnostics: all, examples: [] } : { ...loaded, diagnostics: all };
}

function compile(
  { document, base }: Expanded,
  protocols: readonly Protocol[],
  bases: Bases,
  found: Diagnostic[],
): Omit<LoadedProfile, "diagnostics"> | undefined {
  const report: Report = (path, part, finding) => {
    found.push(diagnose(document, path, part, finding));
  };
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
  const whole = attachFiles(document, value, protocol, bases, report);
  const checked = checkSchema(document, profileSchemaOf(protocol), { path: [], value: whole.value });
  found.push(...checked.diagnostics);
  if (!checked.value) return undefined;
  const written = checked.value;
  const head: unknown = Reflect.get(written, protocol.name);
  for (const { path, ...finding } of protocol.checkHead?.(head) ?? []) report(path, "value", finding);
  const options = compileOptions(written.options, report);
  checkGates(written, options, report);
  // With a head that makes no sense, or a choice that does not exist, everything behind it would seem to be missing.
  if (found.some((one) => one.severity === "error")) return undefined;
  const digest = createHash("sha256").update(document.text);
  if (base) digest.update("\0").update(base.text);
  for (const text of whole.texts) digest.update("\0").update(text);
  const hash = digest.digest("hex");
  const source: VariantSource = { document, protocol, written, options, hash };
  const [standard, ...others] = variants(options).map((chosen) => ({
    chosen,
    findings: newFindings(document),
  }));
  if (!standard) return undefined;
  const profile = compileVariant(source, standard.chosen, standard.findings.report);
  const compiled = new Map([[describeChosen(standard.chosen), profile]]);
  checkHead(report, document, profile, written.notes, written.deprecated);
  found.push(...standard.findings.list);
  const said = new Set(found.map(keyOf));
  for (const { chosen, findings } of others) {
    compiled.set(describeChosen(chosen), compileVariant(source, chosen, findings.report));
    for (const one of findings.list) {
      if (said.has(keyOf(one))) continue;
      said.add(keyOf(one));
      found.push({ ...one, message: `${one.message} (with ${describeChosen(chosen)})` });
    }
  }
  const variant = (chosen: Chosen): DeviceProfile => {
    const key = describeChosen(chosen);
    const known = compiled.get(key);
    if (known) return known;
    const made = compileVariant(source, chosen, () => {});
    compiled.set(key, made);
    return made;
  };
  const examples = checkExamples(
    written.examples ?? [],
    { profile, options, variant, elsewhere: gated(written) },
    report,
  );
  const sources = written.sources.map(({ document: title, url, pages }) => ({
    document: title,
    url,
    pages: pages === undefined ? undefined : String(pages),
  }));
  const about = { sources, notes: written.notes, caveats: written.caveats ?? [], gated: gates(written) };
  return { profile, options, variant, about, examples };
}

function newFindings(document: YamlDocument): { list: Diagnostic[]; report: Report } {
  const list: Diagnostic[] = [];
  return { list, report: (path, part, finding) => list.push(diagnose(document, path, part, finding)) };
}

function keyOf({ line, column, code, message, file }: Diagnostic): string {
  return `${file}:${line}:${column}:${code}:${message}`;
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
  deprecated: Deprecation | undefined,
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
  if (deprecated) report(["deprecated"], "key", deprecation("this profile", deprecated));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

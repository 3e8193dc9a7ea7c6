import * as z from "zod";
import { duration } from "../codec/settings.ts";
import { alternatives, suggest } from "../codec/suggest.ts";
import type { Finding } from "../codec/syntax-error.ts";
import { diagnose, type Path, type YamlDocument } from "../codec/yaml.ts";
import {
  type CommandRules,
  defaultRules,
  type HoldTime,
  matchesAny,
  type TrustedKey,
} from "../commands/rules.ts";
import { priorities } from "../model/command.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { readPublicKey } from "./public-key.ts";

// `commands:` of gateway.yaml: who may command what. A mistake here refuses the whole file: a rule that
// is half understood must not open anything.

const issuer = z.string().min(1).max(64);
const pattern = z.string().regex(/^[A-Za-z0-9_*/-]{1,100}$/, {
  error: "a name, or one with * for any characters, such as lamp-*",
});
const patterns = z.array(pattern).min(1).max(256);
const priority = z.enum(priorities);
const holdTime = z.union([z.literal("until-released"), duration]);

export const commandsSchema = z.strictObject({
  issuers: z
    .record(
      issuer,
      z.strictObject({ devices: patterns, points: patterns, priority: priority.default("operator") }),
    )
    .default({}),
  trust: z
    .record(issuer, z.strictObject({ key: z.string().min(1), issuers: z.array(issuer).min(1).max(256) }))
    .default({}),
  untrustedClock: z.enum(["relative", "refuse"]).default("relative"),
  arming: duration.prefault("60s"),
  share: z
    .string({ error: "write a share of a line's time, 1% to 99%, such as 50%" })
    .regex(/^[1-9]\d?%$/, { error: "write a share of a line's time, 1% to 99%, such as 50%" })
    .default("50%"),
  hold: z
    .strictObject({
      safety: holdTime.optional(),
      operator: holdTime.optional(),
      schedule: holdTime.optional(),
      automation: holdTime.optional(),
    })
    .default({}),
});

export type WrittenCommands = z.output<typeof commandsSchema>;

export interface CommandsContext {
  readonly document: YamlDocument;
  /** Folder of gateway.yaml. */
  readonly base: string;
  /** Throws when it cannot be read. */
  readFile(path: string): string;
  /** Ids of all devices that gateway.yaml names, also of those that were left out. */
  readonly devices: readonly string[];
}

/** The rules, and what is wrong or strange about them. A key that cannot be used is an error. */
export function buildCommands(
  written: WrittenCommands,
  context: CommandsContext,
): { readonly rules: CommandRules; readonly diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const report = (path: Path, finding: Finding) =>
    diagnostics.push(diagnose(context.document, ["commands", ...path], "value", finding));
  const names = Object.keys(written.issuers);
  for (const [name, rule] of Object.entries(written.issuers))
    for (const [index, one] of rule.devices.entries()) {
      if (context.devices.some((id) => matchesAny([one], id))) continue;
      const near = suggest(one, context.devices);
      report(["issuers", name, "devices", index], {
        severity: "warning",
        code: "matches-nothing",
        message: `no device is named "${one}": "${name}" may command nothing by it`,
        hint: near === undefined ? "name a device of this file, or use *" : `did you mean "${near}"?`,
      });
    }
  const trust = new Map<string, TrustedKey>();
  for (const [kid, { key, issuers }] of Object.entries(written.trust)) {
    for (const [index, one] of issuers.entries())
      if (!names.includes(one))
        report(["trust", kid, "issuers", index], {
          severity: "error",
          code: "unknown-issuer",
          message: `"${one}" is no issuer`,
          hint:
            names.length === 0
              ? "add it under commands.issuers, with what it may command"
              : `one of ${alternatives(names)}`,
        });
    const pem = readPublicKey(key, "commands", context);
    if (typeof pem === "string") trust.set(kid, { pem, issuers });
    else report(["trust", kid, "key"], { severity: "error", code: "bad-key", ...pem });
  }
  const { safety, operator, schedule, automation } = written.hold;
  const times = { safety, operator, schedule, automation };
  const said = Object.fromEntries(
    Object.entries(times).flatMap(([name, time]): [string, HoldTime][] =>
      time === undefined ? [] : [[name, time === "until-released" ? "released" : time]],
    ),
  );
  const rules: CommandRules = {
    issuers: new Map(Object.entries(written.issuers)),
    trust,
    untrustedClock: written.untrustedClock,
    armingMs: written.arming,
    share: Number(written.share.slice(0, -1)) / 100,
    hold: { ...defaultRules.hold, ...said },
  };
  return { rules, diagnostics };
}

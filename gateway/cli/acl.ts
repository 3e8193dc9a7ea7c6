import type { Command } from "commander";
import * as z from "zod";
import { checkSchema } from "../codec/check.ts";
import { parseYaml } from "../codec/yaml.ts";
import { formatDiagnostic } from "../model/diagnostic.ts";
import { ConfigError } from "../model/errors.ts";
import { type AclUsers, aclOf, type Issuers } from "./acl-mosquitto.ts";
import { oneBroker } from "./brokers.ts";
import { type CliContext, ExitError, exit, readNamed } from "./context.ts";
import { command, configArgument } from "./daemon.ts";
import { requireConfiguration } from "./files.ts";

/** No control characters, and nothing that an ACL file would read as something else. */
const user = z
  .string()
  .max(200)
  .regex(/^[^\s#$\p{Cc}][^\p{Cc}]*$/u, {
    error: "a user name is one line and does not begin with #, $ or a blank",
  });

const usersSchema = z.strictObject({
  gateway: user.optional(),
  readers: z.record(z.string(), z.array(user)).optional(),
  commanders: z.record(z.string(), z.array(user)).optional(),
});

export function aclCommand(context: CliContext): Command {
  return command("acl", "write the broker's access rules: who may read each audience, who may command what", [
    "stadsnod acl gateway.yaml --broker mosquitto > /etc/mosquitto/stadsnod.acl",
    "stadsnod acl gateway.yaml --broker mosquitto --users users.yaml --northbound city",
  ])
    .argument(...configArgument)
    .requiredOption("-b, --broker <kind>", "the broker's kind: mosquitto")
    .option("-u, --users <file>", "YAML with user names: gateway, readers by audience, commanders by issuer")
    .option("-n, --northbound <name>", "the broker, when there are several")
    .action(async (path: string, options: { broker: string; users?: string; northbound?: string }) => {
      if (options.broker !== "mosquitto") {
        throw new ConfigError(`no access rules for ${options.broker}`, {
          code: "unknown-broker",
          hint: "--broker is mosquitto",
        });
      }
      const config = await requireConfiguration(context, path);
      const users = options.users === undefined ? {} : readUsers(context, options.users);
      const issuers = issuersOf(config);
      for (const [kind, names, known] of [
        ["audience", Object.keys(users.readers ?? {}), [...config.audiences.keys()]],
        ["issuer", Object.keys(users.commanders ?? {}), [...issuers.keys()]],
      ] as const) {
        for (const name of names) {
          if (known.includes(name)) continue;
          throw new ConfigError(`${options.users}: gateway.yaml has no ${kind} ${name}`, {
            code: `unknown-${kind}`,
            hint: known.length > 0 ? `there are ${known.join(", ")}` : "there is none",
          });
        }
      }
      context.out(aclOf(config, oneBroker(config, options.northbound), issuers, users));
    });
}

const issuersSchema = z.looseObject({
  commands: z
    .looseObject({
      issuers: z
        .preprocess(
          (written) => (written instanceof Map ? Object.fromEntries(written) : written),
          z.record(z.string(), z.looseObject({ devices: z.array(z.string()).default([]) })),
        )
        .default({}),
    })
    .optional(),
});

/** Who may command which devices, by what the configuration says under `commands`; nobody without it. */
export function issuersOf(config: object): Issuers {
  const issuers = issuersSchema.safeParse(config).data?.commands?.issuers ?? {};
  return new Map(Object.entries(issuers).map(([name, { devices }]) => [name, devices]));
}

function readUsers(context: CliContext, path: string): AclUsers {
  const text = readNamed(context, path).toString("utf8");
  const parsed = parseYaml(text, path);
  const checked = parsed.document ? checkSchema(parsed.document, usersSchema) : parsed;
  if ("value" in checked && checked.value) return checked.value;
  for (const finding of checked.diagnostics) context.err(`${formatDiagnostic(finding, text)}\n`);
  throw new ExitError(exit.usage);
}

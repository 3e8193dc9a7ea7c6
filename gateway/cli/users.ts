import { type Command, Option } from "commander";
import { type Role, roles } from "../local/access.ts";
import type { GatewayStatus } from "../local/surface.ts";
import type { Token, User } from "../local/users.ts";
import type { CliContext } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { table } from "./table.ts";

interface Options {
  readonly socket?: string;
  readonly json?: boolean;
}

export function usersCommand(context: CliContext): Command {
  return command("users", "who may use the HTTPS door of a running gateway", [
    "stadsnod users list",
    "stadsnod users add kim --role technician",
    "stadsnod users token add node-red",
  ])
    .addCommand(listCommand(context))
    .addCommand(addCommand(context))
    .addCommand(removeCommand(context))
    .addCommand(passwordCommand(context))
    .addCommand(tokenCommand(context));
}

function listCommand(context: CliContext): Command {
  return command("list", "users, tokens and the certificate of the HTTPS door", [
    "stadsnod users list",
    "stadsnod users list --json",
  ])
    .addOption(socketOption())
    .option("--json", "all of it as JSON")
    .action(async (options: Options) => {
      const daemon = await daemonOf(context, options);
      const users = await daemon.get<User[]>("/v1/users");
      const tokens = await daemon.get<Token[]>("/v1/tokens");
      const { https } = await daemon.get<GatewayStatus>("/v1/status");
      if (options.json) return context.out(`${JSON.stringify({ users, tokens, https })}\n`);
      const parts = [
        table(
          ["user", "role", "password"],
          users.map(({ name, role, mustChange }) => [name, role, mustChange ? "to be changed" : "own"]),
        ),
        table(
          ["token", "role", "priority", "made by"],
          tokens.map(({ name, role, priority, by }) => [name, role, priority, by]),
        ),
      ];
      if (https) parts.push(`HTTPS on port ${https.port}, certificate (SHA-256)\n  ${https.fingerprint}`);
      context.out(`${parts.join("\n\n")}\n`);
    });
}

function addCommand(context: CliContext): Command {
  return command("add", "add a user; the password is made up and shown once", [
    "stadsnod users add kim --role technician",
  ])
    .argument("<name>", "a-z, 0-9, . _ -")
    .addOption(roleOption("viewer"))
    .addOption(socketOption())
    .action(async (name: string, options: Options & { role: Role }) => {
      const daemon = await daemonOf(context, options);
      const { password } = await daemon.post<{ password: string }>("/v1/users", { name, role: options.role });
      context.out(`${password}\n`);
      context.err(`The password of ${name}, to be changed at the first login. It is not shown again.\n`);
    });
}

function removeCommand(context: CliContext): Command {
  return command("remove", "remove a user, who is logged out at once", ["stadsnod users remove kim"])
    .argument("<name>", "name of the user")
    .addOption(socketOption())
    .action(async (name: string, options: Options) => {
      await (await daemonOf(context, options)).delete(`/v1/users/${encodeURIComponent(name)}`);
    });
}

function passwordCommand(context: CliContext): Command {
  return command("passwd", "give a user a new password, made up and shown once", [
    "stadsnod users passwd admin",
  ])
    .argument("<name>", "name of the user")
    .addOption(socketOption())
    .action(async (name: string, options: Options) => {
      const path = `/v1/users/${encodeURIComponent(name)}/password`;
      const { password } = await (await daemonOf(context, options)).post<{ password: string }>(path, {});
      context.out(`${password}\n`);
      context.err(`The new password of ${name}, to be changed at the next login. It is not shown again.\n`);
    });
}

function tokenCommand(context: CliContext): Command {
  const add = command("add", "add a token; its secret is shown once", [
    "stadsnod users token add node-red",
    "stadsnod users token add prometheus --role viewer",
  ])
    .argument("<name>", "a-z, 0-9, . _ -")
    .addOption(roleOption("operator"))
    .addOption(
      new Option("--priority <class>", "the strongest that its commands may have")
        .choices(["operator", "schedule", "automation"])
        .default("automation"),
    )
    .addOption(socketOption())
    .action(async (name: string, options: Options & { role: Role; priority: string }) => {
      const { role, priority } = options;
      const daemon = await daemonOf(context, options);
      const { secret } = await daemon.post<{ secret: string }>("/v1/tokens", { name, role, priority });
      context.out(`${secret}\n`);
      context.err(`The secret of ${name}: send it as "Authorization: Bearer". It is not shown again.\n`);
    });
  const remove = command("remove", "remove a token, which then opens nothing any more", [
    "stadsnod users token remove node-red",
  ])
    .argument("<name>", "name of the token")
    .addOption(socketOption())
    .action(async (name: string, options: Options) => {
      await (await daemonOf(context, options)).delete(`/v1/tokens/${encodeURIComponent(name)}`);
    });
  return command("token", "keys of machines: Node-RED, Prometheus", ["stadsnod users token add node-red"])
    .addCommand(add)
    .addCommand(remove);
}

function roleOption(usual: Role): Option {
  return new Option("--role <role>", "what may be done").choices([...roles]).default(usual);
}

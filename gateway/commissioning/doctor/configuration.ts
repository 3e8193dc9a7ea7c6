import { posix } from "node:path";
import type { CheckDone } from "../../model/commissioning.ts";
import { isAlive, permits } from "../system.ts";
import { checkFailed, checkOk, checkWarning, notApplicable, said } from "../words.ts";
import type { Check, Look } from "./look.ts";

export const userCheck: Check = {
  id: "user",
  doing: said("Looking at the gateway's user", "Tittar på gatewayens användare"),
  async look({ user }) {
    if (user.by === "self")
      return [
        notApplicable(
          "user",
          said(
            `No service stadsnod here: rights are judged for ${user.name}, who asks.`,
            `Ingen tjänst stadsnod här: rättigheter bedöms för ${user.name}, som frågar.`,
          ),
        ),
      ];
    if (user.uid !== 0)
      return [checkOk("user", said(`The gateway runs as ${user.name}.`, `Gatewayen körs som ${user.name}.`))];
    const command =
      "sudo useradd --system --groups dialout stadsnod && sudo systemctl edit stadsnod (add [Service] User=stadsnod)";
    return [
      checkWarning(
        "user",
        said(
          "The gateway runs as root: whoever finds a hole in it owns the machine.",
          "Gatewayen körs som root: den som hittar ett hål i den äger hela maskinen.",
        ),
        said(command, command.replace("add", "lägg till")),
      ),
    ];
  },
};

export const configurationCheck: Check = {
  id: "configuration",
  doing: said("Looking at gateway.yaml", "Tittar på gateway.yaml"),
  async look(look) {
    const { configuration } = look.facts;
    if (!configuration)
      return [
        notApplicable(
          "configuration",
          said(
            "No gateway.yaml was named: only the machine was looked at.",
            "Ingen gateway.yaml angavs: bara maskinen undersöktes.",
          ),
        ),
      ];
    const { file, unreadable, error } = configuration;
    if (unreadable !== undefined)
      return [
        checkFailed(
          "configuration",
          said(`${file} cannot be read (${unreadable}).`, `${file} går inte att läsa (${unreadable}).`),
          said(
            `Name the file (stadsnod doctor /etc/stadsnod/gateway.yaml), or see who may read it: ls -l ${file}`,
            `Ange filen (stadsnod doctor /etc/stadsnod/gateway.yaml), eller se vem som får läsa den: ls -l ${file}`,
          ),
        ),
      ];
    const content =
      error === undefined
        ? checkOk("configuration", said(`${file} is valid.`, `${file} är giltig.`))
        : checkFailed(
            "configuration",
            said(`${file} has errors: ${error}`, `${file} innehåller fel: ${error}`),
            said(`stadsnod check ${file}`, `stadsnod check ${file}`),
          );
    return [content, ...(await secrecy(look)), ...(await readable(look, file))];
  },
};

async function readable({ system, user }: Look, file: string): Promise<readonly CheckDone[]> {
  const facts = await system.stat(file);
  if (!facts || permits(facts, user, 4)) return [];
  const command = `sudo chgrp ${user.name} ${file} && sudo chmod 640 ${file}`;
  return [
    checkFailed(
      "configuration-rights",
      said(`The user ${user.name} may not read ${file}.`, `Användaren ${user.name} får inte läsa ${file}.`),
      said(command, command),
    ),
  ];
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: this is how gateway.yaml writes it
const reference = "${file:/etc/stadsnod/secret}";

/** Secrets must not be for everybody's eyes. */
async function secrecy({ system, facts }: Look): Promise<readonly CheckDone[]> {
  const { file = "", plainSecrets = 0, secretFiles = [] } = facts.configuration ?? {};
  const found: CheckDone[] = [];
  const open = async (path: string) => (((await system.stat(path))?.mode ?? 0) & 0o004) !== 0;
  if (plainSecrets > 0 && (await open(file)))
    found.push(
      checkFailed(
        "secrets",
        said(
          `${file} holds ${plainSecrets} secrets in plain text, and everybody on this machine may read it.`,
          `${file} innehåller ${plainSecrets} hemligheter i klartext, och alla på maskinen får läsa den.`,
        ),
        said(
          `sudo chmod o-rwx ${file}; better, name them as ${reference}`,
          `sudo chmod o-rwx ${file}; ännu bättre: skriv dem som ${reference}`,
        ),
      ),
    );
  for (const path of secretFiles) {
    if (!(await open(path))) continue;
    found.push(
      checkFailed(
        "secrets",
        said(
          `Everybody on this machine may read the secret in ${path}.`,
          `Alla på maskinen får läsa hemligheten i ${path}.`,
        ),
        said(`sudo chmod o-rwx ${path}`, `sudo chmod o-rwx ${path}`),
        path,
      ),
    );
  }
  if (found.length > 0) return found;
  return [
    checkOk(
      "secrets",
      said("No secret lies open on this machine.", "Ingen hemlighet ligger öppen på maskinen."),
    ),
  ];
}

/** The longest path that a Unix socket takes (sun_path of unix(7), less its end). */
const longestSocket = 107;

export const socketCheck: Check = {
  id: "local-api",
  doing: said("Looking at the local API", "Tittar på det lokala API:et"),
  async look({ system, facts, user }) {
    const { socket } = facts;
    if (socket === undefined)
      return [
        notApplicable("local-api", said("No gateway.yaml, no socket.", "Ingen gateway.yaml, ingen socket.")),
      ];
    if (Buffer.byteLength(socket) > longestSocket)
      return [
        checkFailed(
          "local-api",
          said(`${socket} is too long for a Unix socket.`, `${socket} är för lång för en Unix-socket.`),
          said(
            "Set local: {socket: /run/stadsnod/stadsnod.sock}",
            "Skriv local: {socket: /run/stadsnod/stadsnod.sock}",
          ),
        ),
      ];
    const file = await system.stat(socket);
    if (file && file.kind !== "socket")
      return [
        checkFailed(
          "local-api",
          said(
            `${socket} is there and is no socket: the gateway cannot listen.`,
            `${socket} finns och är ingen socket: gatewayen kan inte lyssna där.`,
          ),
          said(`rm ${socket}`, `rm ${socket}`),
        ),
      ];
    const running = user.pid !== undefined && (await isAlive(system, user.pid));
    if (!file) {
      const folder = posix.dirname(socket);
      if (running)
        return [
          checkFailed(
            "local-api",
            said(`The gateway runs and ${socket} is not there.`, `Gatewayen körs men ${socket} finns inte.`),
            said(
              `Does this gateway.yaml belong to the running one? Else: ls -ld ${folder} and sudo systemctl restart stadsnod`,
              `Hör den här gateway.yaml till den som körs? Annars: ls -ld ${folder} och sudo systemctl restart stadsnod`,
            ),
          ),
        ];
      return [notApplicable("local-api", said("The gateway is not running.", "Gatewayen körs inte."))];
    }
    if (await system.may(socket, "write"))
      return [checkOk("local-api", said(`The socket ${socket} is there.`, `Socketen ${socket} finns.`))];
    return [
      checkWarning(
        "local-api",
        said(
          `You may not open ${socket}: stadsnod status and the like need it.`,
          `Du får inte öppna ${socket}: stadsnod status med flera behöver den.`,
        ),
        said(
          `sudo usermod -aG ${user.name} $USER, then log in again`,
          `sudo usermod -aG ${user.name} $USER och logga sedan in på nytt`,
        ),
      ),
    ];
  },
};

import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { GatewayError } from "../../model/errors.ts";
import { type CliContext, ExitError, exit, inFolder, readNamed } from "../context.ts";
import { command } from "../daemon.ts";
import { languageOption } from "../language.ts";
import type { Language } from "../register-words.ts";
import { chooseDisk, diskTable, shown } from "./choose.ts";
import { parseDisks } from "./disks.ts";
import { checkImage, type Image } from "./image.ts";
import { labelsHtml } from "./labels.ts";
import { inLanguage, problem } from "./problems.ts";
import { showProgress } from "./progress.ts";
import type { ProvisionOptions } from "./provision-options.ts";
import { refusalsOf } from "./refusals.ts";
import { flashDisk } from "./session.ts";
import { type FlashSystem, linuxSystem } from "./system.ts";
import { words } from "./words.ts";

interface Options {
  readonly list?: boolean;
  readonly device?: string;
  readonly yes?: boolean;
  readonly yesIMean?: string;
  readonly unmount?: boolean;
  readonly bmap?: string;
  readonly manifest?: string;
  readonly gateway?: string;
  readonly site?: string;
  readonly enrolUrl?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly timeZone?: string;
  readonly config?: string;
  readonly address?: string;
  readonly router?: string;
  readonly dns?: string;
  readonly ntp?: string;
  readonly wifi?: string;
  readonly wifiCountry?: string;
  readonly wifiPassphraseFile?: string;
  readonly wifiPsk?: string;
  readonly writeProvision?: string;
  readonly batch?: string;
  readonly results?: string;
  readonly labels?: string;
  readonly language: Language;
  readonly json?: boolean;
}

export function flashCommand(context: CliContext, system: FlashSystem = linuxSystem): Command {
  return command(
    "flash",
    "write a gateway's image to an SD card or USB stick, prove it, and tell the gateway who it is",
    [
      "stadsnod flash --list",
      "sudo stadsnod flash stadsnod-pi.img.zst --gateway gw-slussen-01 --site Slussen",
      "sudo stadsnod flash stadsnod-pi.img.zst --device /dev/sdb --gateway gw-slussen-01 --enrol-url https://ca.example.org --ca ca.pem --token-file token.txt --time-zone Europe/Stockholm",
      "sudo stadsnod flash stadsnod-pi.img.zst --config gateway.yaml --address 192.0.2.10/24 --router 192.0.2.1 --dns 192.0.2.53",
      "sudo stadsnod flash stadsnod-pi.img.zst --gateway gw-slussen-01 --wifi City-IoT --wifi-country SE --wifi-passphrase-file wifi.txt",
      "sudo stadsnod flash stadsnod-pi.img.zst --batch cards.csv --enrol-url https://ca.example.org --ca ca.pem --labels labels.html",
      "stadsnod flash --write-provision provision.json --gateway gw-slussen-01     # for a card that Raspberry Pi Imager wrote",
    ],
  )
    .argument("[image]", ".img.zst or .img; its .bmap and manifest.json lie beside it")
    .option("--list", "show the disks, and why one cannot be written")
    .option("-d, --device <path>", "the disk: /dev/sdb, /dev/mmcblk0, or a link below /dev/disk/by-id")
    .option("-y, --yes", "do not ask before a removable disk is erased")
    .option(
      "--yes-i-mean <name>",
      "erase a disk that is built in, a loop device or larger than 256 GB: its serial number, or its name",
    )
    .option("--unmount", "unmount what the desktop mounted of the card (below /media or /run/media)")
    .option("--bmap <file>", "map of the image (default: beside it)")
    .option("--manifest <file>", "checksums of the image (default: beside it)")
    .option("-g, --gateway <id>", "id of the gateway (default: that of --config)")
    .option("--site <text>", "where it will hang")
    .option("--enrol-url <url>", "the city's CA (EST, RFC 7030)")
    .option("--token-file <file>", "file with the token that this gateway may enrol with once")
    .option("--ca <file>", "PEM certificate that proves the city's CA")
    .option("--time-zone <name>", "Europe/Stockholm")
    .option("--config <gateway.yaml>", "the gateway's configuration; it is checked first")
    .option("--address <address/prefix>", "fixed address (default: DHCP)")
    .option("--router <address>", "default gateway of the network")
    .option("--dns <addresses>", "name servers, with commas between")
    .option("--ntp <hosts>", "time servers, with commas between")
    .option("--wifi <ssid>", "name of a Wi-Fi network")
    .option("--wifi-country <code>", "SE")
    .option("--wifi-passphrase-file <file>", "its passphrase; only the key made of it goes to the card")
    .option("--wifi-psk <key>", "that key, 64 hex digits, as wpa_passphrase makes it")
    .option("--write-provision <file>", "write provision.json to a file, and no card")
    .option(
      "--batch <table.csv>",
      "a card for each row; columns have the names of the options above, and token",
    )
    .option("--results <file>", "which rows are finished, to go on after a break (default: <table.csv>.done)")
    .option("--labels <file.html>", "labels to print, with a QR code of gateway and site")
    .addOption(languageOption(context))
    .option("--json", "progress and results as JSON, one per line; nobody is asked")
    .addHelpText("after", "\nLinux only; what to do on macOS and Windows: docs/flash.md")
    .action(async (image: string | undefined, options: Options) => {
      try {
        await flash(options.json ? { ...context, input: undefined } : context, system, image, options);
      } catch (error) {
        const said = inLanguage(error, options.language);
        if (options.json && said instanceof GatewayError)
          context.out(
            `${JSON.stringify({ event: "error", code: said.code, message: said.message, hint: said.hint })}\n`,
          );
        throw said;
      }
    });
}

async function flash(
  context: CliContext,
  system: FlashSystem,
  path: string | undefined,
  options: Options,
): Promise<void> {
  const { language, json = false } = options;
  const text = words[language];
  if (options.writeProvision !== undefined) {
    const { makeProvision, sourcesOf } = await import("./provision.ts");
    const { content } = await makeProvision(provisionOptionsOf(options), sourcesOf(context, language));
    writeFileSync(inFolder(context, options.writeProvision), content, { mode: 0o600, flag: "wx" });
    if (!json) context.err(`${text.wroteProvision(options.writeProvision)}\n`);
    return;
  }
  if (system.platform !== "linux") throw problem("not-linux", system.platform);
  if (options.list) return list(context, system, options);
  if (path === undefined)
    throw problem("bad-option", "the image is missing", {
      hint: "--list shows the disks; --help has examples",
    });
  const told = provisionOptionsOf(options);
  const wantsProvision = Object.keys(told).length > 0;
  // What a person typed is looked at before the image, which takes longer.
  const { makeProvision, sourcesOf } = await import("./provision.ts");
  const batch = options.batch === undefined ? undefined : await import("./batch.ts");
  const tasks =
    batch &&
    (await batch.readTasks(readNamed(context, options.batch ?? ""), told, sourcesOf(context, language)));
  const provision =
    !batch && wantsProvision ? await makeProvision(told, sourcesOf(context, language)) : undefined;
  if (!batch && !provision && options.labels !== undefined)
    throw problem("bad-option", "--labels needs --gateway or --batch");

  const { tell, end } = showProgress(context, { language, json, monotonic: system.monotonic });
  const image = await checkImage(
    inFolder(context, path),
    {
      bmap: options.bmap === undefined ? undefined : inFolder(context, options.bmap),
      manifest: options.manifest === undefined ? undefined : inFolder(context, options.manifest),
    },
    context.signal,
    (done, total) => tell({ phase: "check", done, total }),
  ).finally(end);
  if (json) context.out(`${JSON.stringify({ event: "image", ...described(image) })}\n`);
  else
    context.err(
      `${text.proven([...image.provenBy, image.version, image.board].filter(Boolean).join(", "))}\n`,
    );
  if (batch && tasks) {
    const results = options.results ?? `${options.batch}.done`;
    const all = { ...options, json, table: options.batch ?? "", results };
    return batch
      .runBatch({ context, system, image, options: all, tell, endProgress: end }, tasks)
      .finally(end);
  }
  if (!provision && !json) context.err(`${text.withoutProvision}\n`);
  const { disk, typed } = await chooseDisk(context, system, image.bmap.imageSize, options);
  const now = system.now();
  const { reread } = await flashDisk(
    system,
    disk,
    image,
    { typed },
    {
      provision: provision && { content: provision.content, modified: now },
      signal: context.signal,
      progress: tell,
    },
  ).finally(end);
  if (provision && options.labels !== undefined) {
    const { gateway, site } = provision;
    writeFileSync(
      inFolder(context, options.labels),
      labelsHtml([{ gateway, site, day: now.toISOString().slice(0, 10) }], language),
    );
  }
  if (json) {
    context.out(
      `${JSON.stringify({ event: "done", disk: disk.path, gateway: provision?.gateway, sha256: image.sha256, reread })}\n`,
    );
    return;
  }
  context.out(`${text.done(shown(disk))}\n`);
  if (!reread) context.err(`${text.notReread}\n`);
  if (options.labels !== undefined) context.err(`${text.labels(options.labels)}\n`);
  context.err(`${text.takeOut(disk.path)}\n`);
}

async function list(context: CliContext, system: FlashSystem, { json, language }: Options): Promise<void> {
  const disks = parseDisks(await system.lsblk());
  if (!json) return context.out(diskTable(disks, 0, language, context.columns));
  for (const disk of disks)
    context.out(`${JSON.stringify({ event: "disk", ...disk, refusals: refusalsOf(disk, 0) })}\n`);
  if (disks.length === 0) throw new ExitError(exit.failed);
}

function described({ path, bmap, content, sha256, provenBy, version, board }: Image) {
  return { path, size: bmap.imageSize, content, sha256, provenBy, version, board };
}

function provisionOptionsOf(options: Options): ProvisionOptions {
  const { gateway, site, ca, config, address, router, dns, ntp, wifi } = options;
  const all = {
    gateway,
    site,
    ca,
    config,
    address,
    router,
    dns,
    ntp,
    wifi,
    "enrol-url": options.enrolUrl,
    "token-file": options.tokenFile,
    "time-zone": options.timeZone,
    "wifi-country": options.wifiCountry,
    "wifi-passphrase-file": options.wifiPassphraseFile,
    "wifi-psk": options.wifiPsk,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

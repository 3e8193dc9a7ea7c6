import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import * as z from "zod";
import { RefusedError, TransientError } from "../model/errors.ts";
import type { ProgramResult, RunProgram } from "./program.ts";
import type { BundleFacts, SlotFacts, Updater, UpdaterStatus } from "./updater.ts";
import { type VerityFacts, verifyPayload } from "./verity.ts";

export interface RaucOptions {
  readonly run: RunProgram;
  /** `rauc` itself; tests and images may have it elsewhere. */
  readonly program?: string;
  readonly systemctl?: string;
  /** RAUC's own usual ones where not given. */
  readonly config?: string;
  readonly keyring?: string;
}

/** An SD card that is slow, and a bundle that is large. */
const installMs = 45 * 60_000;
const lookMs = 60_000;
const pieceBytes = 256 * 1024;

/** The slots through the `rauc` program (1.8 and later); only root may install and mark. */
export function openRauc({
  run,
  program = "/usr/bin/rauc",
  systemctl = "/usr/bin/systemctl",
  config,
  keyring,
}: RaucOptions): Updater {
  const common = [
    ...(config === undefined ? [] : [`--conf=${config}`]),
    ...(keyring === undefined ? [] : [`--keyring=${keyring}`]),
  ];
  const rauc = (args: readonly string[], timeoutMs = lookMs, onText?: (text: string) => void) =>
    run(program, [...common, ...args], { timeoutMs, ...(onText ? { onText } : {}) });
  const mark = async (what: "mark-good" | "mark-bad") => {
    const result = await rauc(["status", what, "booted"]);
    if (result.code !== 0) throw failed(`the slot could not be marked (${what})`, result);
  };
  return {
    async status() {
      const result = await rauc(["status", "--detailed", "--output-format=json"]);
      if (result.code !== 0) throw failed("RAUC does not say how the slots are", result);
      return readStatus(result.out);
    },
    async inspect(bundle) {
      const [facts, words] = [
        await rauc(["info", "--output-format=json", bundle]),
        await rauc(["info", bundle]),
      ];
      for (const result of [facts, words]) if (result.code !== 0) throw refusal(result);
      const { compatible, version } = readInfo(facts.out);
      const { signer, verity } = readWords(words.out);
      return { compatible, version, signer, ...(await readWhole(bundle, verity)) };
    },
    async install(bundle, progress) {
      const result = await rauc(["install", "--progress", bundle], installMs, (text) => {
        for (const [, percent] of text.matchAll(/^\s*(\d{1,3})% /gm))
          progress(Math.min(100, Number(percent)));
      });
      if (result.code !== 0) throw failed("the bundle was not installed", result);
    },
    markGood: () => mark("mark-good"),
    markBad: () => mark("mark-bad"),
    async reboot() {
      const result = await run(systemctl, ["reboot"], { timeoutMs: lookMs });
      if (result.code !== 0) throw failed("the machine does not restart", result);
    },
  };
}

const slotSchema = z.object({
  state: z.string().nullish(),
  bootname: z.string().nullish(),
  boot_status: z.string().nullish(),
  slot_status: z
    .object({
      bundle: z.object({ version: z.string().nullish() }).nullish(),
      installed: z.object({ timestamp: z.string().nullish() }).nullish(),
    })
    .nullish(),
});
const statusSchema = z.object({
  compatible: z.string(),
  booted: z.string(),
  boot_primary: z.string().nullish(),
  slots: z.array(z.record(z.string(), slotSchema)).max(64),
});

/** What `rauc status --detailed --output-format=json` says. Throws TransientError `rauc-form`. */
export function readStatus(text: string): UpdaterStatus {
  const { compatible, booted, boot_primary, slots } = parsed(statusSchema, text);
  const named = slots.flatMap((one) => Object.entries(one));
  // Slots without a boot name are parts of one that has it.
  const bootable = named.flatMap(([key, slot]) =>
    slot.bootname ? [{ key, slot, name: slot.bootname }] : [],
  );
  return {
    compatible,
    // By boot name or by slot name: kernels are told either.
    booted: bootable.find(({ key }) => key === booted)?.name ?? booted,
    next: bootable.find(({ key }) => key === boot_primary)?.name,
    slots: bootable
      .map(
        ({ slot, name }): SlotFacts => ({
          name,
          booted: slot.state === "booted",
          state: slot.boot_status === "good" || slot.boot_status === "bad" ? slot.boot_status : "unknown",
          version: slot.slot_status?.bundle?.version ?? undefined,
          installedAt: slot.slot_status?.installed?.timestamp ?? undefined,
        }),
      )
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function readInfo(text: string) {
  return parsed(z.object({ compatible: z.string().max(256), version: z.string().max(256) }), text);
}

function parsed<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text.trim()));
  } catch (cause) {
    throw new TransientError("RAUC answers in a form that is not known here", { code: "rauc-form", cause });
  }
}

/** What the JSON of `rauc info` leaves out. */
function readWords(text: string): { readonly signer: string; readonly verity: VerityFacts } {
  const one = (pattern: RegExp) => pattern.exec(text)?.[1];
  const hash = one(/^\s*Verity Hash:\s*'([0-9a-f]{64})'$/m);
  const salt = one(/^\s*Verity Salt:\s*'([0-9a-f]{2,512})'$/m);
  const size = one(/^\s*Verity Size:\s*(\d{1,12})$/m);
  if (hash === undefined || salt === undefined || size === undefined)
    throw new RefusedError("the bundle is not of format `verity`", {
      code: "bundle-form",
      hint: "make it with `format=verity` in its manifest: other formats are not read here",
    });
  return {
    signer: one(/^\s*0 Subject: (.{1,256})$/m) ?? "unknown",
    verity: { hash: Buffer.from(hash, "hex"), salt: Buffer.from(salt, "hex"), treeBytes: Number(size) },
  };
}

/** Payload, signature, and eight bytes with the length of the signature (big endian). */
async function readWhole(
  bundle: string,
  verity: VerityFacts,
): Promise<Pick<BundleFacts, "sha256" | "bytes">> {
  await using file = await open(bundle, "r");
  const { size } = await file.stat();
  const last = Buffer.alloc(8);
  if (size > 8) await file.read(last, 0, 8, size - 8);
  const payloadBytes = size - 8 - Number(last.readBigUInt64BE());
  const whole = createHash("sha256");
  const piece = Buffer.alloc(pieceBytes);
  const pieces = async function* (from: number, to: number) {
    for (let at = from; at < to; ) {
      const { bytesRead } = await file.read(piece, 0, Math.min(pieceBytes, to - at), at);
      if (bytesRead === 0) return;
      const read = piece.subarray(0, bytesRead);
      whole.update(read);
      yield read;
      at += bytesRead;
    }
  };
  await verifyPayload(pieces(0, payloadBytes), payloadBytes, verity);
  for await (const _ of pieces(Math.max(0, payloadBytes), size));
  return { sha256: whole.digest("hex"), bytes: size };
}

function lastWords({ out, err }: ProgramResult): string {
  const lines = `${out}\n${err}`
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const said = lines.find((line) => line.startsWith("LastError:")) ?? lines.at(-1) ?? "it says nothing";
  return said.slice(0, 300);
}

function failed(what: string, result: ProgramResult): TransientError {
  return new TransientError(`${what}: ${lastWords(result)}`, {
    code: "install-failed",
    hint: "`journalctl -u rauc` says more",
  });
}

/** Why `rauc info` does not vouch for a bundle. */
function refusal(result: ProgramResult): RefusedError {
  const said = lastWords(result);
  if (/No such file|not exist|Permission denied/i.test(said))
    return new RefusedError("the bundle is not there", { code: "bundle-missing" });
  if (/expired|not yet valid/i.test(said))
    return new RefusedError(`the certificate of the bundle's signer is not valid now: ${said}`, {
      code: "bundle-certificate",
      hint: "is the gateway's clock right? Else the bundle must be signed anew",
    });
  if (/signature|verif|certificate|signer|CMS/i.test(said))
    return new RefusedError(`nobody who is trusted here signed this bundle: ${said}`, {
      code: "bundle-signature",
      hint: "is it a bundle for this city, and whole?",
    });
  return new RefusedError(`this is no bundle: ${said}`, { code: "bundle-form" });
}

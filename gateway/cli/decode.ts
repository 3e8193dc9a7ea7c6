import { inflateSync, zstdDecompressSync } from "node:zlib";
import type { Command } from "commander";
import { type DecodedPack, decodePack } from "../codec/senml.ts";
import { ConfigError, GatewayError } from "../model/errors.ts";
import { valueToJson } from "../model/json.ts";
import { type CliContext, ExitError, exit, readNamed } from "./context.ts";
import { command } from "./daemon.ts";
import { table } from "./table.ts";

const maxBytes = 4 * 1024 * 1024;

export function decodeCommand(context: CliContext): Command {
  return command("decode", "show what is inside packs: binary, hex, or lines of `topic hex`", [
    "stadsnod decode pack.cbor",
    "mosquitto_sub -t 'stadsnod/#' -F '%t %x' | stadsnod decode -",
    "echo 81a3... | stadsnod decode - --json",
  ])
    .argument("[file]", "file to read; - for standard input", "-")
    .option("--json", "one record per line as JSON")
    .action((file: string, options: { json?: boolean }) => {
      let failed = 0;
      for (const { topic, bytes } of messages(readNamed(context, file))) {
        try {
          const pack = decodePack(decompress(bytes), { bootRelative: true, maxBytes });
          context.out(options.json ? json(pack, topic) : people(pack, topic));
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error;
          failed++;
          context.err(`stadsnod: ${topic ? `${topic}: ` : ""}${error.message} [${error.code}]\n`);
        }
      }
      if (failed > 0) throw new ExitError(exit.failed);
    });
}

interface Message {
  readonly topic?: string;
  readonly bytes: Uint8Array;
}

/** Binary is one pack. Text is hex, or one message per line as mosquitto_sub -F '%t %x' writes it. */
function messages(input: Buffer): Message[] {
  if (input.length === 0) throw new ConfigError("nothing to decode", { code: "empty-input" });
  const text = input.toString("latin1").trim();
  if (/^[0-9a-fA-F\s]+$/.test(text)) return [{ bytes: Buffer.from(text.replace(/\s/g, ""), "hex") }];
  const lines = text.split("\n").map((line) => /^(\S+)(?: ([0-9a-fA-F]*))?\s*$/.exec(line));
  if (lines.every((line) => line !== null)) {
    return lines
      .filter(([, topic]) => /\/(telemetry|backlog)\//.test(topic ?? ""))
      .map(([, topic = "", hex = ""]) => ({ topic, bytes: Buffer.from(hex, "hex") }));
  }
  return [{ bytes: input }];
}

/** By its first bytes: zstd's magic number, zlib's header (never the first byte of a CBOR array of maps), or plain CBOR. */
function decompress(bytes: Uint8Array): Uint8Array {
  try {
    if (Buffer.from(bytes.subarray(0, 4)).toString("hex") === "28b52ffd") {
      return zstdDecompressSync(bytes, { maxOutputLength: maxBytes });
    }
    if (bytes[0] === 0x78) return inflateSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new ConfigError("the compressed pack is damaged or too large", { code: "bad-compression", cause });
  }
  return bytes;
}

function json(pack: DecodedPack, topic: string | undefined): string {
  const head = { topic, ...pack.header };
  const lines = pack.records.map(({ value, ...record }) =>
    JSON.stringify({ ...head, ...record, value: value === undefined ? undefined : valueToJson(value) }),
  );
  return [...lines, ...pack.gaps.map((gap) => JSON.stringify({ ...head, gap }))]
    .map((line) => `${line}\n`)
    .join("");
}

function people(pack: DecodedPack, topic: string | undefined): string {
  const { header } = pack;
  const about = header
    ? `gateway ${header.gateway}, run ${header.run}, audience ${header.audience}, seq ${header.seq}${
        header.seqTo === header.seq ? "" : `..${header.seqTo}`
      }${header.boot === undefined ? "" : ", times count from boot"}`
    : "a pack without an account";
  const rows = pack.records.map((record) => [
    record.name,
    record.value === undefined ? "-" : String(valueToJson(record.value)),
    record.unit ?? "",
    record.timeBase === "unix" ? new Date(record.time).toISOString() : `${record.timeBase} ${record.time} ms`,
  ]);
  const gaps = pack.gaps.map(
    ({ run, from, to, readings, reason }) =>
      `gap: run ${run}, seq ${from}..${to}, ${readings} readings: ${reason}`,
  );
  return `${[
    topic,
    about,
    rows.length > 0 ? table(["name", "value", "unit", "time"], rows) : undefined,
    ...gaps,
  ]
    .filter((part) => part !== undefined)
    .join("\n")}\n`;
}

import type { KeyObject } from "node:crypto";
import { encodeCbor } from "../codec/cbor.ts";
import { type CborLimits, type DecodedCbor, decodeCbor } from "../codec/cbor-check.ts";
import { keyAlgorithm, readSign1, type Sign1, verifySign1 } from "../codec/cose.ts";
import { FormatError } from "../codec/format-error.ts";
import { ConfigError } from "../model/errors.ts";
import { type IncomingCommand, longestCommand } from "../northbound/northbound.ts";
import { bodyOfPack } from "./actuation-pack.ts";
import type { CommandCodec, DecodedCommand, RefusedMessage } from "./codec-seam.ts";
import { readCommandBody, readNames, type Surroundings } from "./command-body.ts";
import { encodeResult } from "./result-body.ts";

/** A key of `commands.trust` (`TrustedKey` of rules.ts), ready to verify. */
interface VerifyingKey {
  /** Public: Ed25519, or EC on P-256. */
  readonly key: KeyObject;
  /** Whom it may speak for. */
  readonly issuers: readonly string[];
}

export interface CommandCodecOptions {
  /** The gateway's id: signed with every command, so that a command for one gateway is none for another. */
  readonly gateway: string;
  /** By key id. With any key in it, commands without one of these signatures are refused. */
  readonly trust: ReadonlyMap<string, VerifyingKey>;
}

/** First item of what is signed beside the message (docs/telemetry.md, "Signed commands"). */
const context = "stadsnod-command-v1";
const limits: CborLimits = { maxBytes: longestCommand, maxDepth: 3, maxItems: 64 };

const senml: ReadonlySet<string> = new Set(["application/senml+cbor", "112"]);
/** What else may be said of a command's body; the last one is what clients say when nobody told them. */
const plain: ReadonlySet<string> = new Set([
  "application/cbor",
  "application/cose",
  "application/octet-stream",
]);

/** Reads commands and writes results. Throws ConfigError for a key that can verify nothing. */
export function makeCommandCodec({ gateway, trust }: CommandCodecOptions): CommandCodec {
  for (const [name, { key }] of trust)
    if (keyAlgorithm(key) === undefined)
      throw new ConfigError(`the key ${name} cannot verify commands`, {
        code: "trust-key",
        hint: "give the PEM file of a public Ed25519 or P-256 key",
      });
  return {
    decode: (message) =>
      message.oversize
        ? { refuse: "too-large", text: `a command has at most ${longestCommand} bytes` }
        : trust.size > 0
          ? readSigned(message, gateway, trust)
          : readPlain(message),
    encodeResult: (result) => encodeResult(gateway, result),
  };
}

function readPlain(message: IncomingCommand): DecodedCommand | RefusedMessage {
  const type = mediaType(message.contentType);
  if (type !== "" && !plain.has(type) && !senml.has(type))
    return { refuse: "bad-form", text: `content type ${shown(type)} is not read here: ${expected}` };
  if (!senml.has(type) && isSigned(message.body))
    return { refuse: "bad-signature", text: "this gateway trusts no key: see `commands.trust`" };
  const body = decode(message.body);
  if ("refuse" in body) return body;
  if (!senml.has(type)) return command(body.value, message);
  const asked = bodyOfPack(body.value, message.properties, message.expiresInMs);
  return typeof asked === "string" ? { refuse: "bad-form", text: asked } : command(asked, message);
}

function command(body: DecodedCbor, around: Surroundings): DecodedCommand | RefusedMessage {
  const read = readCommandBody(body, around);
  return "refuse" in read ? read : { command: read };
}

function readSigned(
  message: IncomingCommand,
  gateway: string,
  trust: CommandCodecOptions["trust"],
): DecodedCommand | RefusedMessage {
  if (!isSigned(message.body)) return unsigned(message);
  let signed: Sign1;
  try {
    signed = readSign1(message.body, { maxBytes: longestCommand });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { refuse: "bad-signature", text: error.message };
  }
  const body = decode(signed.payload);
  // Nobody vouches for these names: they only let the sender find the answer.
  const names = "value" in body ? readNames(body.value) : {};
  const refuse = (text: string): RefusedMessage => ({ refuse: "bad-signature", text, ...names });
  if (signed.keyId === undefined) return refuse("no `kid` in the protected header: which key is it?");
  const name = Buffer.from(signed.keyId).toString("utf8");
  const trusted = trust.get(name);
  if (!trusted) return refuse(`no key ${shown(name)} is trusted here`);
  const aad = encodeCbor([context, gateway, message.device]);
  if (!verifySign1(signed, aad, trusted.key))
    return refuse(
      `the signature is not one by ${name} over this command for ${message.device} at ${gateway}`,
    );
  if ("refuse" in body) return body;
  const read = readCommandBody(body.value, message);
  return "refuse" in read ? read : { command: read, signedBy: name, issuersOfKey: trusted.issuers };
}

function unsigned({ body }: IncomingCommand): RefusedMessage {
  const found = decode(body);
  return {
    refuse: "unsigned",
    text: "this gateway takes signed commands only: a COSE_Sign1 by a key of `commands.trust`",
    ...("value" in found ? readNames(found.value) : {}),
  };
}

/** A COSE_Sign1 begins with its tag, or is an array of four that begins with bytes; a command is neither. */
function isSigned([first, second]: Uint8Array): boolean {
  return first === 0xd2 || (first === 0x84 && second !== undefined && second >> 5 === 2);
}

function decode(bytes: Uint8Array): { readonly value: DecodedCbor } | RefusedMessage {
  try {
    return { value: decodeCbor(bytes, limits) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return {
      refuse: "bad-form",
      text: looksLikeJson(bytes) ? `JSON is not read here: ${expected}` : error.message,
    };
  }
}

const expected = "a command is a CBOR map (docs/telemetry.md, or any CBOR library on the same object)";

/** No CBOR of any sense begins so: a bracket as CBOR announces more bytes than a command has. */
function looksLikeJson(bytes: Uint8Array): boolean {
  return /^\s*[{[]/.test(Buffer.from(bytes.subarray(0, 16)).toString("latin1"));
}

/** Without parameters: `application/cose; cose-type="cose-sign1"`. */
function mediaType(given = ""): string {
  return (given.split(";")[0] ?? "").trim().toLowerCase();
}

function shown(text: string): string {
  return `"${text.slice(0, 64).replace(/\p{Cc}/gu, "?")}"`;
}

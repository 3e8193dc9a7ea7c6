import { createDecipheriv } from "node:crypto";
import { FormatError } from "../../../codec/format-error.ts";
import { ConfigError } from "../../../model/errors.ts";
import { DlmsReader } from "./data.ts";

const generalGlobalCiphering = 0xdb;
const tagBytes = 12;
const authenticated = 0x10;
const encrypted = 0x20;
/** Systems whose counter is remembered. A port has one. */
const maxSystems = 16;

/** 16 bytes each. */
export interface MeterKeys {
  readonly key: Uint8Array;
  readonly authenticationKey?: Uint8Array | undefined;
}

export function isCiphered(apdu: Uint8Array): boolean {
  return apdu[0] === generalGlobalCiphering;
}

/**
 * Opens general-glo-ciphering APDUs of security suite 0 (IEC 62056-5-3: AES-128-GCM, tag of 12 bytes,
 * IV = system title and invocation counter, associated data = security control byte and
 * authentication key). A counter that does not rise is a replay; it is remembered while this object
 * lives: while the port stays open.
 */
export class Deciphering {
  readonly #keys: MeterKeys | undefined;
  readonly #counters = new Map<string, number>();

  constructor(keys: MeterKeys | undefined) {
    this.#keys = keys;
  }

  /**
   * What is inside, handed to `read`; only when that succeeds is the counter taken for seen.
   * Throws ConfigError `encrypted` (no key), `authenticated` (no authentication key), FormatError
   * `bad-tag`, `replayed`, `unknown-security`, `truncated`, and what `read` throws.
   */
  open<T>(apdu: Uint8Array, read: (plain: Uint8Array) => T): T {
    const { systemTitle, control, counter, content } = parse(apdu);
    if (!this.#keys)
      throw new ConfigError("encrypted: give the key", {
        code: "encrypted",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how gateway.yaml writes it
        hint: "the grid company gives it to the customer; name it in gateway.yaml as key: ${file:...}",
      });
    const system = Buffer.from(systemTitle).toString("hex");
    const last = this.#counters.get(system);
    if (last !== undefined && counter <= last)
      throw new FormatError(`invocation counter ${counter} came again after ${last}`, { code: "replayed" });
    const plain = decipher(systemTitle, control, counter, content, this.#keys);
    const result = read(plain);
    if (last === undefined && this.#counters.size === maxSystems) {
      const [oldest] = this.#counters.keys();
      if (oldest !== undefined) this.#counters.delete(oldest);
    }
    this.#counters.set(system, counter);
    return result;
  }
}

interface Ciphered {
  readonly systemTitle: Uint8Array;
  readonly control: number;
  readonly counter: number;
  readonly content: Uint8Array;
}

/** DB, length, system title, length, security control byte, invocation counter, content. */
function parse(apdu: Uint8Array): Ciphered {
  const reader = new DlmsReader(apdu, 1);
  const titleLength = reader.length();
  if (titleLength !== 8)
    throw new FormatError(`a system title of ${titleLength} bytes`, { code: "bad-length" });
  const systemTitle = reader.take(titleLength);
  const length = reader.length();
  if (length !== reader.left)
    throw new FormatError(`${length} bytes announced, ${reader.left} there`, { code: "truncated" });
  const control = reader.byte();
  const counter = Buffer.from(reader.take(4)).readUInt32BE();
  return { systemTitle, control, counter, content: reader.take(reader.left) };
}

function decipher(
  systemTitle: Uint8Array,
  control: number,
  counter: number,
  content: Uint8Array,
  { key, authenticationKey }: MeterKeys,
): Uint8Array {
  const mode = control & ~0x40;
  if (mode !== encrypted && mode !== (encrypted | authenticated))
    throw new FormatError(`security control byte 0x${control.toString(16)} is not understood`, {
      code: "unknown-security",
    });
  const iv = new Uint8Array(16);
  iv.set(systemTitle);
  new DataView(iv.buffer).setUint32(8, counter);
  if (mode === encrypted) {
    // Without a tag GCM is counter mode, which begins at block 2.
    iv[15] = 2;
    return createDecipheriv("aes-128-ctr", key, iv).update(content);
  }
  if (!authenticationKey)
    throw new ConfigError("authenticated: give the authenticationKey", {
      code: "authenticated",
      hint: "without it nobody can tell whether a message is the meter's own",
    });
  if (content.length < tagBytes)
    throw new FormatError("the message ends before its tag", { code: "truncated" });
  const cipher = createDecipheriv("aes-128-gcm", key, iv.subarray(0, 12), { authTagLength: tagBytes });
  cipher.setAAD(Buffer.concat([Uint8Array.of(control), authenticationKey]));
  cipher.setAuthTag(content.subarray(-tagBytes));
  const plain = cipher.update(content.subarray(0, -tagBytes));
  try {
    cipher.final();
  } catch {
    throw new FormatError("the tag of an encrypted message is wrong", {
      code: "bad-tag",
      hint: "wrong key or authenticationKey, or not the meter's own message",
    });
  }
  return plain;
}

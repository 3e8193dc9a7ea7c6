import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { ConfigError, StorageError } from "../model/errors.ts";
import type { ProvisionSource } from "./enrolment.ts";
import { maxProvisionBytes, type Provision, readProvision, withoutToken } from "./provision.ts";

/** Makes the card's file system writable while `work` runs. Rejects with StorageError where it may not. */
export type WhileWritable = (path: string, work: () => Promise<void>) => Promise<void>;

const asItIs: WhileWritable = (_path, work) => work();

/** provision.json where the card has it. */
export function provisionFile(path: string, whileWritable: WhileWritable = asItIs): ProvisionSource {
  return {
    async read(): Promise<Provision | undefined> {
      const text = await readBounded(path);
      return text === undefined ? undefined : readProvision(text);
    },
    async removeToken() {
      const text = await readBounded(path);
      const rest = text === undefined ? undefined : withoutToken(text);
      if (rest !== undefined) await whileWritable(path, () => overwrite(path, rest));
    },
  };
}

/**
 * Writes the new text over the old bytes, blanks for what is left of them, so that the token's own blocks are the ones
 * that change: FAT has no journal, and a file beside it that is renamed would leave the old blocks as they are. The length stays
 * for the same reason: white space at the end of JSON means nothing. A power cut in between leaves the old beginning with a new
 * end or the other way round; what then is no JSON is no matter for a gateway that has its certificate. What a card's own
 * controller keeps of overwritten blocks nobody can reach from here: that is why a token lives for a short time.
 */
async function overwrite(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, constants.O_RDWR);
    try {
      const { size } = await file.stat();
      const bytes = Buffer.from(text);
      const padded =
        bytes.length >= size ? bytes : Buffer.concat([bytes, Buffer.alloc(size - bytes.length, " ")]);
      await file.write(padded, 0, padded.length, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw trouble(path, "written", cause);
  }
}

async function readBounded(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size > maxProvisionBytes)
        throw new ConfigError(`${path} has more than 256 kB`, {
          code: "provision",
          hint: "is it really the file that the flash tool wrote?",
        });
      return await readFile(file, "utf8");
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    if (codeOf(cause) === "ENOENT") return undefined;
    throw trouble(path, "read", cause);
  }
}

function trouble(path: string, what: string, cause: unknown): StorageError {
  const code = codeOf(cause);
  return new StorageError(`${path} cannot be ${what} (${code})`, {
    code: code === "EROFS" || code === "EACCES" ? "disk-read-only" : "disk-io",
    hint: "run it as root, or take the card to a computer and delete the token there",
    cause,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unreadable";
}

import { createHash } from "node:crypto";
import { RefusedError } from "../model/errors.ts";

// The payload of a RAUC bundle of format `verity`: the data, then its dm-verity hash tree (version 1, SHA-256, blocks
// of 4096 bytes; the Linux kernel's Documentation/admin-guide/device-mapper/verity.rst), then the signature.
// The kernel checks the same while it installs, block by block as they are read. Done before, a damaged file is
// known as such before the first byte of a slot is overwritten.

const blockBytes = 4096;
const digestBytes = 32;

export interface VerityFacts {
  /** Root hash, from the signed manifest. */
  readonly hash: Uint8Array;
  readonly salt: Uint8Array;
  /** Bytes of the hash tree. */
  readonly treeBytes: number;
}

/**
 * Reads data and tree, and compares them with the root hash. Throws RefusedError `bundle-damaged`.
 * @param payloadBytes data and tree together
 * @param blocks them in order, in pieces of whole blocks
 */
export async function verifyPayload(
  blocks: AsyncIterable<Uint8Array>,
  payloadBytes: number,
  { hash, salt, treeBytes }: VerityFacts,
): Promise<void> {
  const dataBytes = payloadBytes - treeBytes;
  if (dataBytes <= 0 || treeBytes < 0 || dataBytes % blockBytes !== 0 || treeBytes % blockBytes !== 0)
    throw damaged("its sizes do not fit each other");
  const digest = (bytes: Uint8Array) => createHash("sha256").update(salt).update(bytes).digest();
  const leaves = Buffer.alloc((dataBytes / blockBytes) * digestBytes);
  const storedTree = Buffer.alloc(treeBytes);
  let at = 0;
  for await (const piece of blocks) {
    if (piece.length % blockBytes !== 0 || at + piece.length > payloadBytes) throw damaged("it is cut off");
    for (let start = 0; start < piece.length; start += blockBytes, at += blockBytes) {
      const block = piece.subarray(start, start + blockBytes);
      if (at < dataBytes) digest(block).copy(leaves, (at / blockBytes) * digestBytes);
      else storedTree.set(block, at - dataBytes);
    }
  }
  if (at !== payloadBytes) throw damaged("it is cut off");
  const { root, tree } = hashTree(leaves, digest);
  if (!root.equals(hash)) throw damaged("its content is not what was signed");
  if (!tree.equals(storedTree)) throw damaged("its hash tree is not that of its content");
}

/** Levels from the leaves up; in the file the highest comes first. One block of data has no tree: its digest is the root. */
function hashTree(leaves: Buffer, digest: (bytes: Uint8Array) => Buffer) {
  const levels: Buffer[] = [];
  let below = leaves;
  while (below.length > digestBytes) {
    const level = Buffer.alloc(Math.ceil(below.length / blockBytes) * blockBytes);
    below.copy(level);
    levels.unshift(level);
    const above = Buffer.alloc((level.length / blockBytes) * digestBytes);
    for (let block = 0; block * blockBytes < level.length; block++)
      digest(level.subarray(block * blockBytes, (block + 1) * blockBytes)).copy(above, block * digestBytes);
    below = above;
  }
  return { root: below, tree: Buffer.concat(levels) };
}

function damaged(what: string): RefusedError {
  return new RefusedError(`the bundle is damaged: ${what}`, {
    code: "bundle-damaged",
    hint: "fetch it or copy it again; the slots are untouched",
  });
}

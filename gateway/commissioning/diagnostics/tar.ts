import { gzipSync } from "node:zlib";

/** A file of an archive. */
export interface ArchiveFile {
  /** Relative, at most 100 bytes of ASCII. */
  readonly name: string;
  readonly text: string;
}

const block = 512;

/**
 * A tar archive (POSIX ustar, IEEE 1003.1, pax format's "ustar Interchange Format"), compressed with gzip. The same
 * files and time give the same bytes. Throws RangeError for a name that does not fit.
 * @param at Unix ms, the time of all files
 */
export function tarGz(files: readonly ArchiveFile[], at: number): Uint8Array {
  const parts: Buffer[] = [];
  for (const { name, text } of files) {
    const body = Buffer.from(text);
    parts.push(header(name, body.length, at), body, Buffer.alloc((block - (body.length % block)) % block));
  }
  parts.push(Buffer.alloc(2 * block));
  return gzipSync(Buffer.concat(parts), { level: 9 });
}

function header(name: string, size: number, at: number): Buffer {
  if (!/^[\x20-\x7e]{1,100}$/.test(name)) throw new RangeError(`not a name for an archive: ${name}`);
  const bytes = Buffer.alloc(block);
  const octal = (value: number, width: number) =>
    `${Math.floor(value)
      .toString(8)
      .padStart(width - 1, "0")}\0`;
  bytes.write(name, 0, "latin1");
  bytes.write(octal(0o600, 8), 100, "latin1");
  bytes.write(octal(0, 8), 108, "latin1");
  bytes.write(octal(0, 8), 116, "latin1");
  bytes.write(octal(size, 12), 124, "latin1");
  bytes.write(octal(Math.max(0, at) / 1000, 12), 136, "latin1");
  // The checksum is taken with blanks in its own place.
  bytes.write(" ".repeat(8), 148, "latin1");
  bytes.write("0", 156, "latin1");
  bytes.write("ustar\x0000", 257, "latin1");
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

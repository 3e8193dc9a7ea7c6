/**
 * The little of a file system that durable rooms need, as a seam, so that a simulated disk can
 * crash, tear, fill and fail under them. Names are relative to one directory, no slashes.
 * Errors: StorageError with code `disk-full`, `disk-read-only`, `disk-io`, `disk-missing`.
 */
export interface Disk {
  /** File names, sorted. */
  list(): Promise<string[]>;
  /** Creates an empty file (fails if it exists), optionally with `reserve` bytes of space preallocated (length included). */
  create(name: string, reserve?: number): Promise<DiskFile>;
  /** Opens an existing file for reading and writing. */
  open(name: string): Promise<DiskFile>;
  /** Renames, replacing the target. Durable after `syncNames`. */
  rename(from: string, to: string): Promise<void>;
  /** Durable after `syncNames`. */
  remove(name: string): Promise<void>;
  /** fsync of the directory: when it resolves, names created, renamed and removed before are durable. */
  syncNames(): Promise<void>;
  /** Bytes free for us, or undefined when the platform does not tell. */
  free(): Promise<number | undefined>;
}

/** One open file. One operation at a time per file. */
export interface DiskFile {
  readonly size: number;
  /** Reads up to `length` bytes at `position`; shorter only at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Not durable before `sync`; a crash may keep none, some or a torn part of it. */
  write(position: number, bytes: Uint8Array): Promise<void>;
  truncate(length: number): Promise<void>;
  /** fdatasync. When it resolves, every earlier write is durable. After a failure nothing written since the last success may be believed. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

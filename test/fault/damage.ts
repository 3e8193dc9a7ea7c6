import type { Random } from "../../gateway/model/clock.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

/** Bytes of a file that are no longer what they were. */
export interface Damaged {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export const damages = ["flipped bits", "a cut end", "zeroed pages", "swapped files"] as const;
export type Damage = (typeof damages)[number];

const pageBytes = 4096;

/** Damages files of a disk, behind everyone's back. Gives the names of the files, and which of their bytes. */
export function damageFiles(
  disk: SimulatedDisk,
  names: readonly string[],
  damage: Damage,
  random: Random,
): Damaged[] {
  const any = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const name = any(names);
  const bytes = disk.contents(name);
  const at = () => Math.floor(random() * bytes.length);
  switch (damage) {
    case "flipped bits":
      return Array.from({ length: 1 + Math.floor(random() * 8) }, () => {
        const place = at();
        disk.damage(name, place, (byte) => byte ^ (1 << Math.floor(random() * 8)));
        return { name, from: place, to: place + 1 };
      });
    case "a cut end": {
      const length = at();
      disk.put(name, bytes.slice(0, length));
      return [{ name, from: length, to: bytes.length }];
    }
    case "zeroed pages": {
      const pages = Math.ceil(bytes.length / pageBytes);
      const from = Math.floor(random() * pages) * pageBytes;
      const to = Math.min(bytes.length, from + pageBytes * (1 + Math.floor(random() * 2)));
      disk.put(name, bytes.slice().fill(0, from, to));
      return [{ name, from, to }];
    }
    case "swapped files": {
      const other = any(names.filter((one) => one !== name)) ?? name;
      const theirs = disk.contents(other);
      disk.put(name, theirs);
      disk.put(other, bytes);
      return [];
    }
  }
}

/** Whether these bytes are still what they were. */
export function isIntact(damaged: readonly Damaged[], name: string, from: number, to: number): boolean {
  return !damaged.some((one) => one.name === name && one.from < to && from < one.to);
}

/** What became of one damaged store. */
export interface Outcome {
  /** It was opened, and takes what is new. */
  readonly up: boolean;
  /** The bytes that were found in every damaged file are still somewhere. */
  readonly kept: boolean;
  /** Records none of whose bytes the damage touched, and how many of them are still given back. */
  readonly intact: number;
  readonly salvaged: number;
}

/** Whether the bytes of every file are still there, under whatever name. */
export function isKept(before: ReadonlyMap<string, Uint8Array>, after: SimulatedDisk): boolean {
  return [...before.values()].every((bytes) => isSomewhere(bytes, after));
}

export function isSomewhere(bytes: Uint8Array, disk: SimulatedDisk): boolean {
  return disk.names.some((name) => Buffer.compare(disk.contents(name), bytes) === 0);
}

/** What a disk holds, by name. */
export function contentsOf(disk: SimulatedDisk): Map<string, Uint8Array> {
  return new Map(disk.names.map((name) => [name, disk.contents(name)]));
}

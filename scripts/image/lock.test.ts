import { describe, expect, it } from "vitest";
import type { DebianPackage } from "./debian.ts";
import { drift, lockOf } from "./lock.ts";

const parts = {
  suite: "trixie",
  kernel: "6.12.1",
  node: { name: "node", version: "24.21.0", integrity: "sha512-a" },
};
const deb = (name: string, version: string, sha256 = "00"): DebianPackage => ({
  name,
  version,
  arch: "arm64",
  source: { name, version },
  sha256,
});

describe("the lock of an image", () => {
  const locked = lockOf(parts, [deb("bash", "5.2"), deb("rauc", "1.13"), deb("udev", "257")]);

  it("is met by the same packages", () => {
    expect(
      drift(locked, lockOf(parts, [deb("udev", "257"), deb("rauc", "1.13"), deb("bash", "5.2")])),
    ).toEqual([]);
  });

  it("tells new, gone, newer and changed packages apart", () => {
    const now = lockOf({ ...parts, kernel: "6.12.2" }, [
      deb("bash", "5.3"),
      deb("rauc", "1.13", "ff"),
      deb("zstd", "1.5"),
    ]);
    expect(drift(locked, now)).toEqual([
      "kernel: 6.12.1 -> 6.12.2",
      "bash: 5.2 -> 5.3",
      "rauc: 1.13 has another content",
      "udev: gone, was 257",
      "zstd: new, 1.5",
    ]);
  });

  it("notices another Node", () => {
    const node = { ...parts.node, integrity: "sha512-b" };
    expect(drift(locked, { ...locked, node })).toEqual(["node: 24.21.0 -> 24.21.0"]);
  });
});

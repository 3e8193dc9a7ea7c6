import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type FieldTrial, fieldTrial } from "../../scripts/image/field-trial.ts";
import { run } from "../../scripts/image/process.ts";
import { root } from "../system/daemon.ts";

// One image is built and booted for all of it: U-Boot, kernel, systemd and the daemon, as on a board.

const image = join(root, "node_modules", ".cache", "stadsnod-image", "out", "generic-arm64");

interface Manifest {
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

const manifest = (): Manifest => JSON.parse(readFileSync(join(image, "manifest.json"), "utf8"));

async function build(): Promise<void> {
  const args = [join(root, "scripts/image/main.ts"), "--board", "generic-arm64", "--drift", "report"];
  await run(process.execPath, args, { cwd: root });
}

describe("the image of a gateway", () => {
  beforeAll(build, 900_000);

  it("comes with its bill of materials, whose parts all have a name, a version and a sum", () => {
    const { specVersion, components } = JSON.parse(readFileSync(join(image, "sbom.cdx.json"), "utf8"));
    expect(specVersion).toBe("1.6");
    const names = new Map<string, { version: string; hashes?: unknown[] }>(
      components.map((one: { name: string }) => [one.name, one]),
    );
    for (const name of ["systemd", "rauc", "u-boot-qemu", "nodejs", "serialport", "cbor-x"])
      expect(names.get(name)?.version, name).toMatch(/\d/);
    expect([...names.keys()].some((name) => name.startsWith("linux-image-6"))).toBe(true);
    // What only development and demonstration use is not there.
    for (const name of ["node-red", "aedes", "vitest", "openssh-server", "apt"])
      expect(names.has(name), name).toBe(false);
    for (const [name, { hashes }] of names) expect(hashes, name).toHaveLength(1);
  });

  describe("on a card of 2 GB, with one file of configuration", () => {
    let trial: FieldTrial;
    beforeAll(async () => {
      trial = await fieldTrial(image);
    }, 900_000);
    const report = (heading: string) => trial.report.get(heading) ?? "";

    it("sends the meter's readings to the city's broker", () => {
      expect(trial.reading).toMatchObject({ gateway: "gw-image-test", audience: "open", value: 230.5 });
      expect(trial.requests).toBeGreaterThan(0);
    });

    it("started from slot A, with one try spent", () => {
      expect(report("arguments")).toMatch(/stadsnod\.slot=A stadsnod\.root=root_a rauc\.slot=A/);
      expect(report("bootstate").split("\n").sort()).toEqual([
        "BOOT_A_LEFT=2",
        "BOOT_B_LEFT=3",
        "BOOT_ORDER=A B",
      ]);
      expect(JSON.parse(report("slots"))).toMatchObject({
        compatible: "stadsnod-generic-arm64",
        booted: "A",
      });
    });

    it("can write nothing but its data, which fills the card", () => {
      const mounts = new Map(
        report("mounts")
          .split("\n")
          .map((line) => line.split(" "))
          .map(([place = "", type, options, size]) => [place, { type, options: options?.split(","), size }]),
      );
      expect(mounts.get("/")).toMatchObject({ type: "erofs", options: expect.arrayContaining(["ro"]) });
      expect(mounts.get("/boot/gw")).toMatchObject({ type: "vfat", options: expect.arrayContaining(["ro"]) });
      expect(mounts.get("/data")).toMatchObject({
        type: "ext4",
        options: expect.arrayContaining(["rw", "nosuid", "nodev"]),
      });
      // 128 MB in the image; 1.1 GB on this card.
      expect(mounts.get("/data")?.size).toMatch(/^1(\.\d)?G$/);
    });

    it("opens no port but what a DHCP client needs", () => {
      const ports = report("ports")
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split(/\s+/))
        .map(([kind, , , , at = ""]) => `${kind} ${at.slice(at.lastIndexOf(":") + 1)}`);
      // 68 and 546: the DHCP clients of IPv4 and IPv6.
      expect(ports.filter((port) => !["udp 68", "udp 546"].includes(port))).toEqual([]);
    });

    it("runs without a failed unit, watched by the hardware's watchdog where there is one", () => {
      expect(report("failed")).toBe("");
      expect(report("watchdog")).toBe("RuntimeWatchdogUSec=14s");
    });

    it("has an id that it made itself", () => {
      expect(report("machine")).toMatch(/^[0-9a-f]{32}$/);
      expect(readFileSync(join(image, "files.txt"), "utf8")).toMatch(/^-\S+ 0:0 0 \.\/etc\/machine-id/m);
    });

    it("says that it is a development build", () => {
      expect(trial.console).toMatch(/stadsnod: DEVELOPMENT BUILD/);
      expect(report("release")).toMatch(/^STADSNOD_BUILD=development$/m);
    });
  });

  it("is the same, byte for byte, when it is built again", { timeout: 900_000 }, async () => {
    const before = manifest();
    await build();
    const after = manifest();
    const differing = Object.keys(before.files).filter(
      (name) => before.files[name]?.sha256 !== after.files[name]?.sha256,
    );
    // The bundle holds a random salt and the time of its signature; its payload is root.img and boot.img.
    expect(differing).toEqual(["bundle.raucb"]);
    expect(existsSync(join(image, "bundle.raucb"))).toBe(true);
  });
});

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { genericArm64 } from "../../scripts/image/boards/generic-arm64.ts";
import { type City, openCity, type UpdateReport } from "../../scripts/image/city.ts";
import {
  type FieldTrial,
  fieldTrial,
  gateway,
  orMachineEnds,
  switchOn,
} from "../../scripts/image/field-trial.ts";
import { run } from "../../scripts/image/process.ts";
import type { Machine } from "../../scripts/image/qemu.ts";
import { badUpdateTrial, type UpdateTrial, updateTrial } from "../../scripts/image/update-trial.ts";
import { neverStarts, variantOfTrial } from "../../scripts/image/variant.ts";
import type { PlatformReading } from "../../simulators/platform.ts";
import { root } from "../system/daemon.ts";

// One image is built, and one gateway lives with it: U-Boot, kernel, systemd and the daemon, as on a board.

const cache = join(root, "node_modules", ".cache", "stadsnod-image");
const image = join(cache, "out", "generic-arm64");

interface Manifest {
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

const manifest = (): Manifest => JSON.parse(readFileSync(join(image, "manifest.json"), "utf8"));

async function build(): Promise<void> {
  const args = [join(root, "scripts/image/main.ts"), "--board", genericArm64.name, "--drift", "report"];
  await run(process.execPath, args, { cwd: root });
}

describe("the image of a gateway", () => {
  const bundles: Record<"good" | "bad", string> = {
    good: join(cache, "good.raucb"),
    bad: join(cache, "bad.raucb"),
  };
  let before: Manifest;
  beforeAll(async () => {
    await build();
    before = manifest();
  }, 900_000);
  afterAll(() => {
    for (const bundle of Object.values(bundles)) rmSync(bundle, { force: true });
  });

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

  it("is the same, byte for byte, when it is built again", { timeout: 900_000 }, async () => {
    await build();
    const after = manifest();
    const differing = Object.keys(before.files).filter(
      (name) => before.files[name]?.sha256 !== after.files[name]?.sha256,
    );
    // The bundle holds a random salt and the time of its signature; its payload is root.img and boot.img.
    expect(differing).toEqual(["bundle.raucb"]);
  });

  describe("on a card of 2 GB, with one file of configuration", () => {
    let city: City;
    let machine: Machine;
    let trial: FieldTrial;
    beforeAll(async () => {
      city = await openCity();
      machine = await switchOn(image, city);
      trial = await fieldTrial(machine, city);
    }, 1_200_000);
    afterAll(async () => {
      await machine?.[Symbol.asyncDispose]();
      await city?.[Symbol.asyncDispose]();
    });
    const report = (heading: string) => trial.report.get(heading) ?? "";

    it("enrols at the city's CA with a token that it burns, and sends the meter's readings", () => {
      expect(city.ca.events).toEqual([{ what: "issued", gateway }]);
      expect(JSON.parse(report("identity"))).toMatchObject({
        gateway,
        certificate: { subject: `CN=${gateway}`, issuer: "CN=Example City Device CA" },
      });
      expect(report("provision")).toContain('"enrolment"');
      expect(report("provision")).not.toContain("token");
      expect(trial.reading).toMatchObject({ gateway, audience: "open", value: 230.5 });
      expect(city.requests).toBeGreaterThan(0);
    });

    it("got its gateway.yaml from where its card says, once", () => {
      expect(city.fetched).toEqual([`${gateway}.yaml`]);
    });

    it("is who its card says, where its card says", () => {
      expect(report("hostname")).toBe(gateway);
      expect(report("zone")).toMatch(/^CES?T$/);
      expect(report("owners").split("\n")).toEqual([
        "root:stadsnod 1770 /etc/stadsnod",
        "stadsnod:stadsnod 640 /etc/stadsnod/gateway.yaml",
        "stadsnod:stadsnod 600 /var/lib/stadsnod/identity/key.pem",
        "stadsnod:stadsnod 1775 /run/stadsnod",
      ]);
    });

    it("loads what is compiled, in the Node of the image", () => {
      expect(JSON.parse(report("native").split("\n").at(-1) ?? "")).toMatchObject({
        arch: "arm64",
        node: process.version,
        serial: expect.stringMatching(/ioctl/),
        strings: "function",
      });
    });

    it("started from slot A", () => {
      expect(report("arguments")).toMatch(/stadsnod\.slot=A stadsnod\.root=root_a rauc\.slot=A/);
      expect(report("bootstate")).toMatch(/^BOOT_ORDER=A B$/m);
      expect(report("slots")).toMatch(/"compatible":"stadsnod-generic-arm64".*"booted":"A"/);
    });

    it("can write nothing but its data, which fills the card", () => {
      const mounts = new Map(
        report("mounts")
          .split("\n")
          .map((line) => line.split(" "))
          .map(([place = "", type, options, size]) => [place, { type, options: options?.split(","), size }]),
      );
      expect(mounts.get("/")).toMatchObject({ type: "erofs", options: expect.arrayContaining(["ro"]) });
      expect(mounts.get("/boot/gw")).toMatchObject({ type: "vfat" });
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
        .filter((line) => /^(tcp|udp) /.test(line))
        .map((line) => line.split(/\s+/))
        .map(([kind, , , , at = ""]) => `${kind} ${at.slice(at.lastIndexOf(":") + 1)}`);
      // 68 and 546: the DHCP clients of IPv4 and IPv6.
      expect(ports.filter((port) => !["udp 68", "udp 546"].includes(port))).toEqual([]);
    });

    it("runs without a failed unit, watched by the hardware's watchdog where there is one", () => {
      expect(report("failed")).toBe("");
      expect(report("watchdog")).toMatch(/^RuntimeWatchdogUSec=14s$/m);
    });

    it("exposes little: 2.0 at most, of each unit, as systemd counts", () => {
      const exposures = Array.from(
        report("security").matchAll(/level for (stadsnod[\w-]*)\.service: ([\d.]+)/g),
        ([, unit, level]) => [unit, Number(level)] as const,
      );
      expect(exposures.map(([unit]) => unit)).toEqual(
        expect.arrayContaining(["stadsnod", "stadsnod-enrol", "stadsnod-first-boot", "stadsnod-update"]),
      );
      expect(exposures.filter(([, level]) => level > 2)).toEqual([]);
    });

    it("has an id that it made itself", () => {
      expect(report("machine")).toMatch(/^[0-9a-f]{32}$/m);
      expect(readFileSync(join(image, "files.txt"), "utf8")).toMatch(/^-\S+ 0:0 0 \.\/etc\/machine-id/m);
    });

    it("says that it is a development build", () => {
      expect(machine.console).toMatch(/stadsnod: DEVELOPMENT BUILD/);
      expect(report("release")).toMatch(/^STADSNOD_BUILD=development$/m);
    });

    describe("when the city wants another configuration", () => {
      let report: UpdateReport;
      let reading: PlatformReading;
      beforeAll(async () => {
        const applied = city.report(({ configuration }) => configuration?.phase === "watching");
        const arrived = city.reading(({ name }) => /second\b.*voltage_l1$/.test(name));
        await city.configure(gateway, "1.0.0");
        report = await orMachineEnds(machine, applied, 300);
        reading = await orMachineEnds(machine, arrived, 300);
      }, 660_000);

      it("applies it, as it is signed, and watches it", () => {
        expect(report.configuration).toMatchObject({ phase: "watching", version: "1.0.0" });
        expect(city.fetched.at(-1)).toBe("1.0.0.configuration");
      });

      it("reads the meter that it brought", () => {
        expect(reading).toMatchObject({ gateway, audience: "open", value: 230 });
      });
    });

    describe("when the city wants another version", () => {
      let good: UpdateTrial;
      let bad: UpdateTrial;
      beforeAll(async () => {
        await variantOfTrial(image, cache, "0.2.0", bundles.good);
        await variantOfTrial(image, cache, "0.3.0", bundles.bad, neverStarts);
        good = await updateTrial(machine, city, "0.2.0", bundles.good);
        bad = await badUpdateTrial(machine, city, "0.3.0", bundles.bad);
      }, 2_400_000);

      it("installs it beside the old one, starts it, and keeps it when it has proved itself", () => {
        expect(good.end).toMatchObject({ phase: "committed", version: "0.2.0", slot: "B" });
        expect(good.report.get("arguments")).toMatch(/stadsnod\.slot=B/);
        expect(good.report.get("release")).toMatch(/^STADSNOD_VERSION=0\.2\.0$/m);
        expect(good.phases).toEqual(
          expect.arrayContaining(["downloading", "installing", "rebooting", "trying", "committed"]),
        );
      });

      it("goes back by itself when the new one never starts, and says why", () => {
        expect(bad.end).toMatchObject({ phase: "rolled-back", version: "0.2.0", slot: "B" });
        expect(bad.end.why?.code).toBe("not-started");
        expect(bad.report.get("arguments")).toMatch(/stadsnod\.slot=B/);
        expect(bad.report.get("release")).toMatch(/^STADSNOD_VERSION=0\.2\.0$/m);
        expect(machine.console).toMatch(/slot A was not kept in its time/);
      });

      it("is who it was through all of it, and loses nothing", () => {
        for (const heading of ["machine", "identity"])
          for (const { report } of [good, bad]) {
            const one = /[0-9a-f]{32}|"fingerprint":"[^"]+"/;
            expect(one.exec(report.get(heading) ?? "")?.[0]).toBe(
              one.exec(trial.report.get(heading) ?? "")?.[0],
            );
          }
        // The time of the server that its card names.
        expect(city.asked).toBeGreaterThan(0);
        // One certificate, of the first start.
        expect(city.ca.events).toHaveLength(1);
        expect(city.platform.summary(gateway)).toMatchObject({ missing: 0, lost: 0, malformed: 0 });
      });
    });
  });
});

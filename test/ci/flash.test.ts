import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority, pem } from "../../simulators/ca/certificates.ts";
import { flash, LoopCard, makeImage, mappedRanges, mebibyte, run, type TestImage } from "./flash-image.ts";

// `stadsnod flash` on loop devices: as root, with lsblk, mtools and bmaptool as the judges.

let folder: string;
let image: TestImage;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-flash-"));
  image = makeImage(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cardSize = 64 * mebibyte;
const canary = (index: number) => `canary-${index}-5d0c9b1f7e3a4d62`;

/** Where the card differs from what the image says must be there. */
function differing(card: Buffer): number[] {
  const original = readFileSync(image.img);
  return mappedRanges(image.bmap)
    .filter(({ start, end }) => !card.subarray(start, end).equals(original.subarray(start, end)))
    .map(({ start }) => start);
}

/** A card that no firmware and no UEFI would start. */
function expectDead(card: Buffer): void {
  expect(card.subarray(0, mebibyte).equals(Buffer.alloc(mebibyte))).toBe(true);
  expect(card.subarray(card.length - 512).includes("EFI PART")).toBe(false);
}

describe("a card", () => {
  it("gets the image byte for byte, and nothing behind it but an empty end", async () => {
    using card = new LoopCard(folder, "card", cardSize);
    const before = card.bytes();
    const { code, out, err } = await flash(folder, [
      image.zst,
      "--device",
      card.path,
      "--yes-i-mean",
      card.name,
    ]);
    expect(err + out).toContain("is finished");
    expect(code).toBe(0);
    const after = card.bytes();
    expect(differing(after)).toEqual([]);
    run("sfdisk", "--verify", card.path);
    // Also where the map has gaps, whatever the card had there: zeros that mkfs wrote may have become gaps.
    expect(mappedRanges(image.bmap).length).toBeGreaterThan(2);
    expect(after.subarray(0, 48 * mebibyte).equals(readFileSync(image.img))).toBe(true);
    expect(after.subarray(48 * mebibyte, -mebibyte).equals(before.subarray(48 * mebibyte, -mebibyte))).toBe(
      true,
    );
    expect(err).toContain("checking the image\nthe image is undamaged (manifest, bmap, 0.1.0, test)\n");
    expect(err).toMatch(/writing\nemptying the gaps\nreading back\n.*writing the first block\n/s);
  });

  it("can be written from an .img without compression, and with JSON for a program", async () => {
    using card = new LoopCard(folder, "card", cardSize);
    const { code, out } = await flash(folder, [
      image.img,
      "--device",
      card.path,
      "--yes-i-mean",
      card.name,
      "--json",
    ]);
    expect(code).toBe(0);
    const events = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ event, phase }) => phase ?? event)).toEqual(
      expect.arrayContaining(["image", "check", "write", "verify", "finish", "done"]),
    );
    expect(events.at(-1)).toMatchObject({ event: "done", disk: card.path, reread: expect.any(Boolean) });
    expect(differing(card.bytes())).toEqual([]);
  });

  it("gets provision.json that mtools reads back, with every other file as it was, and no token is ever shown", async () => {
    writeFileSync(join(folder, "ca.pem"), pem(makeAuthority("City CA", 0, 4e12).der));
    for (let index = 0; index < 4; index++) {
      using card = new LoopCard(folder, "card", 50 * mebibyte);
      writeFileSync(join(folder, "token.txt"), `${canary(index)}\n`);
      writeFileSync(join(folder, "wifi.txt"), `${canary(index)} wifi\n`);
      const json = index % 2 === 0 ? [] : ["--json"];
      const labels = join(folder, "label.html");
      const provision = [
        "--gateway",
        `gw-${index}`,
        "--site",
        "Slussen",
        "--enrol-url",
        "https://ca.example.org",
        "--ca",
        "ca.pem",
        "--token-file",
        "token.txt",
        "--time-zone",
        "Europe/Stockholm",
        "--wifi",
        "City IoT",
        "--wifi-country",
        "SE",
        "--wifi-passphrase-file",
        "wifi.txt",
      ];
      const { code, out, err } = await flash(folder, [
        image.zst,
        "--device",
        card.path,
        "--yes-i-mean",
        card.name,
        ...provision,
        "--labels",
        labels,
        ...json,
      ]);
      expect({ code, err }).toMatchObject({ code: 0 });
      expect(out + err + readFileSync(labels, "utf8")).not.toContain("canary");
      const text = run("mtype", "-i", `${card.path}@@1M`, "::provision.json").toString();
      expect(JSON.parse(text)).toMatchObject({
        format: 1,
        gateway: `gw-${index}`,
        site: "Slussen",
        timeZone: "Europe/Stockholm",
        enrolment: { url: "https://ca.example.org", token: canary(index) },
        network: { wifi: { ssid: "City IoT", country: "SE", psk: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      });
      expect(text).not.toContain("canary-0-5d0c9b1f7e3a4d62 wifi");
      if (index > 0) continue;
      const original = run("mtype", "-i", `${image.img}@@1M`, "::kernel.img");
      expect(run("mtype", "-i", `${card.path}@@1M`, "::kernel.img").equals(original)).toBe(true);
      expect(run("mtype", "-i", `${card.path}@@1M`, "::config.txt").toString()).toContain(
        "kernel=u-boot.bin",
      );
      run("dd", `if=${card.path}`, `of=${join(folder, "p1")}`, "bs=1M", "skip=1", "count=34", "status=none");
      run("fsck.vfat", "-n", join(folder, "p1"));
    }
  });

  it("refuses what enrolment would refuse, before it looks at the card", async () => {
    writeFileSync(join(folder, "token.txt"), `${canary(1)}\n`);
    writeFileSync(join(folder, "no-ca.pem"), "hello");
    const { code, err, out } = await flash(folder, [
      image.zst,
      "--gateway",
      "GW 1",
      "--enrol-url",
      "http://ca",
      "--ca",
      "no-ca.pem",
      "--token-file",
      "token.txt",
      "--time-zone",
      "Stockholm",
    ]);
    expect(code).toBe(2);
    expect(err).toContain("[bad-provision]");
    for (const option of ["gateway: ", "enrol-url: ", "ca: ", "time-zone: "]) expect(err).toContain(option);
    expect(out + err).not.toContain("canary");
  });
});

describe("gateway.yaml", () => {
  const profiles = join(import.meta.dirname, "../../device-profiles");
  const config = (id: string) =>
    `gateway: {id: ${id}, pen: 32474}\nprofiles: [${profiles}]\nconnections:\n  line: {protocol: modbus, tcp: {host: 192.0.2.7}}\n`;

  it("goes to the card after its check, and names the gateway", async () => {
    using card = new LoopCard(folder, "card", 50 * mebibyte);
    writeFileSync(join(folder, "gateway.yaml"), config("gw-sluss"));
    const { code, err } = await flash(folder, [
      image.zst,
      "--device",
      card.path,
      "--yes-i-mean",
      card.name,
      "--config",
      "gateway.yaml",
    ]);
    expect({ code, err }).toMatchObject({ code: 0 });
    const written = JSON.parse(run("mtype", "-i", `${card.path}@@1M`, "::provision.json").toString());
    expect(written).toEqual({ format: 1, gateway: "gw-sluss", config: config("gw-sluss") });
  });

  it("is refused with its line when it is wrong, is another gateway's, or has a secret in plain text", async () => {
    writeFileSync(join(folder, "gateway.yaml"), config("gw-sluss").replace("tcp", "tpc"));
    const wrong = await flash(folder, [image.zst, "--config", "gateway.yaml"]);
    expect(wrong).toMatchObject({
      code: 2,
      err: expect.stringMatching(/gateway\.yaml:4:\d+: error: .*\[bad-config\]/s),
    });
    writeFileSync(join(folder, "gateway.yaml"), config("gw-sluss"));
    const other = await flash(folder, [image.zst, "--config", "gateway.yaml", "--gateway", "gw-other"]);
    expect(other).toMatchObject({
      code: 2,
      err: expect.stringContaining("config is for gw-sluss, not for gw-other"),
    });
    writeFileSync(
      join(folder, "gateway.yaml"),
      `${config("gw-sluss")}northbound: {city: {type: mqtt, url: "mqtts://b.example.org", username: u, password: ${canary(3)}}}\n`,
    );
    const secret = await flash(folder, [image.zst, "--config", "gateway.yaml"]);
    expect(secret).toMatchObject({ code: 2, err: expect.stringContaining("[bad-config]") });
    expect(secret.err).toContain("plain");
    expect(secret.err).not.toContain("canary");
  });
});

describe("a disk that is not meant", () => {
  const refused = async (path: string, ...more: string[]) => {
    const { code, err } = await flash(folder, [image.zst, "--device", path, "--yes", ...more]);
    expect(code).not.toBe(0);
    return err;
  };

  it("is refused: a loop device that was not typed", async () => {
    using card = new LoopCard(folder, "card", cardSize);
    const before = card.bytes();
    expect(await refused(card.path)).toContain(`hint: --yes-i-mean ${card.name}`);
    expect(await refused(card.path, "--yes-i-mean", "loop99")).toContain("[disk-refused]");
    expect(await refused(card.path, "--yes-i-mean", "")).toContain("[disk-refused]");
    expect(card.bytes().equals(before)).toBe(true);
  });

  it("is refused: the disk this computer runs from, with anything typed", async () => {
    const source = run("findmnt", "--noheadings", "--output", "SOURCE", "/").toString().trim();
    const disk =
      run("lsblk", "--noheadings", "--nodeps", "--paths", "--inverse", "--list", "--output", "NAME", source)
        .toString()
        .trim()
        .split("\n")
        .at(-1) ?? "";
    expect(await refused(disk, "--yes-i-mean", disk.replace("/dev/", ""))).toContain("system is on it");
  });

  it("is refused: a mounted one, by what lsblk says and by the kernel", async () => {
    using card = new LoopCard(folder, "card", cardSize);
    run("mkfs.ext4", "-q", "-F", card.path);
    const mount = join(folder, "mounted");
    mkdirSync(mount, { recursive: true });
    run("mount", card.path, mount);
    try {
      expect(await refused(card.path, "--yes-i-mean", card.name)).toContain(`mounted at ${mount}`);
      const { openDisk } = await import("../../gateway/cli/flash/block-device.ts");
      await expect(openDisk(card.path)).rejects.toMatchObject({ code: "disk-busy" });
    } finally {
      run("umount", mount);
    }
  });

  it("is refused: swap space, write-protected, too small, a file, nothing there", async () => {
    using small = new LoopCard(folder, "small", 16 * mebibyte);
    expect(await refused(small.path, "--yes-i-mean", small.name)).toContain(
      "too small: the image needs 50.3 MB",
    );
    using locked = new LoopCard(folder, "locked", cardSize, "--read-only");
    expect(await refused(locked.path, "--yes-i-mean", locked.name)).toContain("write-protected");
    expect(await refused(join(folder, "small"))).toContain("[no-disk]");
    expect(await refused("/dev/sdzz")).toContain("[no-disk]");
    expect(await refused("/dev/null")).toContain("[no-disk]");
    using swap = new LoopCard(folder, "swap", cardSize);
    run("mkswap", swap.path);
    run("swapon", swap.path);
    try {
      expect(await refused(swap.path, "--yes-i-mean", swap.name)).toContain("swap space");
    } finally {
      run("swapoff", swap.path);
    }
  });
});

describe("a source that is damaged", () => {
  const damage = async (
    name: string,
    change: (bytes: Buffer) => Buffer,
    file: (one: TestImage) => string,
    keep = ["manifest", "bmap"],
  ) => {
    const broken = join(folder, name);
    mkdirSync(broken, { recursive: true });
    const at = (path: string) => join(broken, path.slice(folder.length + 1));
    for (const one of [
      image.zst,
      ...(keep.includes("bmap") ? [image.bmap] : []),
      ...(keep.includes("manifest") ? [image.manifest] : []),
    ])
      copyFileSync(one, at(one));
    writeFileSync(at(file(image)), change(readFileSync(at(file(image)))));
    using card = new LoopCard(folder, "card", cardSize);
    const before = card.bytes();
    const { code, err } = await flash(folder, [
      at(image.zst),
      "--device",
      card.path,
      "--yes-i-mean",
      card.name,
    ]);
    expect(code).not.toBe(0);
    expect(card.bytes().equals(before)).toBe(true);
    return err;
  };
  const flipped = (bytes: Buffer) => {
    bytes[bytes.length >> 1]! ^= 1;
    return bytes;
  };

  it("leaves the card untouched", async () => {
    expect(await damage("flip", flipped, ({ zst }) => zst)).toContain("[image-damaged]");
    expect(await damage("flip-bmap", flipped, ({ zst }) => zst, ["bmap"])).toContain("[image-damaged]");
    expect(
      await damage(
        "cut",
        (bytes) => bytes.subarray(0, bytes.length - 1000),
        ({ zst }) => zst,
        ["bmap"],
      ),
    ).toContain("[image-damaged]");
    expect(await damage("map", flipped, ({ bmap }) => bmap)).toContain("[bad-bmap]");
    expect(
      await damage(
        "manifest",
        () => Buffer.from("{}"),
        ({ manifest }) => manifest,
        ["manifest"],
      ),
    ).toContain("[bad-source]");
    expect(
      await damage(
        "nothing",
        (bytes) => bytes,
        ({ zst }) => zst,
        [],
      ),
    ).toContain("[bad-source]");
    expect(
      await damage(
        "sum",
        (bytes) => Buffer.from(bytes.toString().replace(/"sha256":"./, '"sha256":"x')),
        ({ manifest }) => manifest,
      ),
    ).toContain("[bad-manifest]");
  });
});

describe("a card that fails", () => {
  const told = (phase: string, act: () => void) => {
    let acted = false;
    return (text: string) => {
      if (acted || !text.includes(`${phase}\n`)) return;
      acted = true;
      act();
    };
  };

  it("is said to be pulled or broken when it ends while it is read back, and does not start", async () => {
    using card = new LoopCard(folder, "card", cardSize);
    const watch = told("reading back", () => truncateSync(card.file, 20 * mebibyte));
    const { code, err } = await flash(folder, [image.zst, "--device", card.path, "--yes-i-mean", card.name], {
      watch,
    });
    expect(code).toBe(1);
    expect(err).toMatch(
      /the disk failed to read or write: reading .* \(EIO\) \[disk-error\]\nhint: .*flash it again/,
    );
    expectDead(card.bytes());
  });

  it("is found out when it cannot hold what it takes", async () => {
    const full = join(folder, "full");
    mkdirSync(full);
    run("mount", "-t", "tmpfs", "-o", "size=12M", "none", full);
    try {
      writeFileSync(join(full, "card"), "");
      truncateSync(join(full, "card"), cardSize);
      const path = run("losetup", "--find", "--show", join(full, "card")).toString().trim();
      try {
        const { code, err } = await flash(folder, [
          image.img,
          "--device",
          path,
          "--yes-i-mean",
          path.replace("/dev/", ""),
        ]);
        expect(code).toBe(1);
        expect(err).toMatch(/\[disk-(error|full)\]/);
        expectDead(readFileSync(join(full, "card")));
      } finally {
        run("losetup", "--detach", path);
      }
    } finally {
      run("umount", full);
    }
  });

  it("is found out by one flipped bit behind the back of the kernel's cache", async () => {
    using card = new LoopCard(folder, "card", cardSize);
    const watch = told("reading back", () => {
      run(
        "dd",
        "if=/dev/zero",
        `of=${card.file}`,
        "bs=1",
        "count=64",
        `seek=${35 * mebibyte + 777}`,
        "conv=notrunc",
        "status=none",
      );
    });
    const { code, err } = await flash(folder, [image.zst, "--device", card.path, "--yes-i-mean", card.name], {
      watch,
    });
    expect(code).toBe(1);
    expect(err).toContain("[verify-failed]");
    expectDead(card.bytes());
  });

  it("does not start after Ctrl-C, which says so", async () => {
    for (const phase of ["writing", "reading back"]) {
      using card = new LoopCard(folder, "card", cardSize);
      const ending = new AbortController();
      const watch = told(phase, () => ending.abort(new Error("SIGINT")));
      const { code, err } = await flash(
        folder,
        [image.zst, "--device", card.path, "--yes-i-mean", card.name],
        { watch, signal: ending.signal },
      );
      expect(code).toBe(1);
      expect(err).toContain(
        "stopped on request [interrupted]\nhint: the card is not finished and does not start a gateway",
      );
      expectDead(card.bytes());
    }
  });
});

it("lists disks with what speaks against them, in Swedish too, and as JSON", async () => {
  using card = new LoopCard(folder, "card", cardSize);
  const english = await flash(folder, ["--list"]);
  expect(english.out).toContain(card.path);
  expect(english.out).toContain("this computer's system is on it");
  expect((await flash(folder, ["--list", "--language", "sv"])).out).toContain(
    "datorns eget system ligger på den",
  );
  const json = (await flash(folder, ["--list", "--json"])).out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(json.find(({ path }) => path === card.path)).toMatchObject({
    event: "disk",
    size: cardSize,
    refusals: [{ code: "loop", always: false }],
  });
});

it("writes provision.json alone, for a card of Raspberry Pi Imager, for its owner's eyes, and never over another", async () => {
  const first = await flash(folder, ["--write-provision", "alone.json", "--gateway", "gw-1"]);
  expect(first.code).toBe(0);
  expect(JSON.parse(readFileSync(join(folder, "alone.json"), "utf8"))).toEqual({
    format: 1,
    gateway: "gw-1",
  });
  expect(statSync(join(folder, "alone.json")).mode & 0o777).toBe(0o600);
  expect((await flash(folder, ["--write-provision", "alone.json", "--gateway", "gw-2"])).code).not.toBe(0);
});

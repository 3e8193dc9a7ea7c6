import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CliContext } from "../../gateway/cli/context.ts";
import type { OpenedDisk } from "../../gateway/cli/flash/block-device.ts";
import { flashCommand } from "../../gateway/cli/flash/index.ts";
import { problem } from "../../gateway/cli/flash/problems.ts";
import type { FlashSystem } from "../../gateway/cli/flash/system.ts";
import { makeAuthority, pem } from "../../simulators/ca/certificates.ts";
import { makeImage, run, type TestImage } from "./flash-image.ts";

// Many cards from a table, on a computer whose card reader, clock and technician are played here.

let folder: string;
let image: TestImage;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-batch-"));
  image = makeImage(folder);
  writeFileSync(join(folder, "ca.pem"), pem(makeAuthority("City CA", 0, 4e12).der));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cardSize = 52 * 1024 * 1024;

class Card {
  readonly bytes = Buffer.alloc(cardSize, 0xa5);
  readonly serial: string;
  broken = false;
  constructor(serial: string) {
    this.serial = serial;
  }
  provision(): unknown {
    const file = join(folder, "read-back.img");
    writeFileSync(file, this.bytes);
    return JSON.parse(run("mtype", "-i", `${file}@@1M`, "::provision.json").toString());
  }
}

/** One reader at /dev/sdb. Each wait of the program is a turn for the technician. */
class Desk implements FlashSystem {
  readonly platform = "linux";
  inserted: Card | undefined;
  mounted = false;
  readonly unmounted: string[] = [];
  readonly turns: (() => void)[] = [];
  waits = 0;
  /** What happens between the look at the disks and the opening. */
  beforeOpen: () => void = () => {};

  async lsblk(): Promise<string> {
    const common = {
      rm: true,
      hotplug: true,
      tran: "usb",
      ro: false,
      mountpoints: [null],
      model: "Reader",
      vendor: "Generic",
      label: null,
      "log-sec": 512,
    };
    const system = {
      ...common,
      name: "sda",
      path: "/dev/sda",
      size: 256e9,
      type: "disk",
      tran: "sata",
      rm: false,
      serial: "SYS",
      "maj:min": "8:0",
      mountpoints: ["/"],
    };
    const children = this.mounted
      ? [
          {
            ...common,
            name: "sdb1",
            path: "/dev/sdb1",
            size: 1,
            type: "part",
            serial: null,
            "maj:min": "8:17",
            mountpoints: ["/media/kim/GWBOOT"],
          },
        ]
      : [];
    const reader = {
      ...common,
      name: "sdb",
      path: "/dev/sdb",
      size: this.inserted ? cardSize : 0,
      type: "disk",
      serial: this.inserted?.serial ?? "none",
      "maj:min": "8:16",
      children,
    };
    return JSON.stringify({ blockdevices: [system, reader] });
  }
  async open(path: string): Promise<OpenedDisk> {
    this.beforeOpen();
    const card = this.inserted;
    if (path !== "/dev/sdb" || !card) throw problem("disk-gone", path);
    return {
      majorMinor: "8:16",
      read: async (position, length) => Buffer.from(card.bytes.subarray(position, position + length)),
      async write(position, bytes) {
        if (card.broken) throw problem("disk-error", "writing (EIO)");
        card.bytes.set(bytes, position);
      },
      flush: async () => {},
      close: async () => {},
    };
  }
  async rereadPartitions(): Promise<void> {}
  async unmount(partition: string): Promise<void> {
    this.unmounted.push(partition);
    this.mounted = false;
  }
  now = () => new Date("2026-11-22T10:00:00Z");
  monotonic = () => 0;
  async wait(_: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || ++this.waits > 500) throw problem("interrupted");
    this.turns.shift()?.();
  }
  /** Puts in card after card, each seen away before. */
  hand(cards: readonly Card[]): void {
    for (const card of cards) {
      this.turns.push(
        () => {
          this.inserted = undefined;
        },
        () => {
          this.inserted = card;
        },
        () => {},
      );
    }
  }
}

async function batch(
  desk: Desk,
  args: readonly string[],
  signal = new AbortController().signal,
): Promise<{ error: unknown; said: string }> {
  let said = "";
  const context: CliContext = {
    cwd: folder,
    env: {},
    signal,
    onReload: () => {},
    out: (text) => {
      said += text;
    },
    err: (text) => {
      said += text;
    },
    columns: undefined,
    rows: undefined,
  };
  const made = flashCommand(context, desk).exitOverride();
  const error = await made
    .parseAsync(
      [image.zst, "--batch", "cards.csv", "--enrol-url", "https://ca.example.org", "--ca", "ca.pem", ...args],
      { from: "user" },
    )
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  return { error, said };
}

const token = (index: number) => `canary-${index}-0b8d7a61c5f94e23`;
const table = (count: number) =>
  `gateway;site;token\n${Array.from({ length: count }, (_, index) => `gw-${index};Plats ${index};${token(index)}`).join("\n")}\n`;
const results = () => join(folder, "cards.csv.done");

beforeEach(() => {
  rmSync(results(), { force: true });
  rmSync(join(folder, "labels.html"), { force: true });
});

describe("a table of cards", () => {
  it("is done card by card: 20 tokens on 20 cards, each on its own, and none is ever said or kept", async () => {
    writeFileSync(join(folder, "cards.csv"), table(20));
    const desk = new Desk();
    const cards = Array.from({ length: 20 }, (_, index) => new Card(`C${index}`));
    desk.hand(cards);
    const { error, said } = await batch(desk, ["--yes", "--labels", "labels.html"]);
    expect(error).toBeUndefined();
    cards.forEach((card, index) => {
      expect(card.provision()).toMatchObject({
        gateway: `gw-${index}`,
        site: `Plats ${index}`,
        enrolment: { token: token(index) },
      });
    });
    const kept = readFileSync(results(), "utf8");
    const labels = readFileSync(join(folder, "labels.html"), "utf8");
    expect(said + kept + labels).not.toContain("canary");
    expect(labels.match(/<article>/g)).toHaveLength(20);
    expect(statSync(results()).mode & 0o777).toBe(0o600);
    expect(said).toContain("card 3 of 20 (row 4): gw-2");
    expect(said).toContain("all 20 cards are finished");
  });

  it("goes on after a break where it was, and never gives a token to another gateway", async () => {
    writeFileSync(join(folder, "cards.csv"), table(3));
    const ending = new AbortController();
    const first = new Desk();
    const cards = [new Card("C0"), new Card("C1"), new Card("C2")];
    first.hand(cards.slice(0, 1));
    first.turns.push(() => ending.abort());
    const broken = await batch(first, ["--yes"], ending.signal);
    expect(broken.error).toMatchObject({ code: "interrupted" });
    const second = new Desk();
    second.hand(cards.slice(1));
    const { error, said } = await batch(second, ["--yes"]);
    expect(error).toBeUndefined();
    expect(said).toContain("1 row is finished from before");
    expect(cards[2]?.provision()).toMatchObject({ gateway: "gw-2" });

    writeFileSync(join(folder, "cards.csv"), `gateway,token\ngw-new,${token(1)}\n`);
    const again = await batch(new Desk(), ["--yes"]);
    expect(again.error).toMatchObject({
      code: "bad-csv",
      message: expect.stringMatching(/row 2, column token: it went to gw-1/),
    });
    writeFileSync(join(folder, "cards.csv"), `gateway,token\ngw-1,${token(77)}\n`);
    const other = await batch(new Desk(), ["--yes"]);
    expect(other.error).toMatchObject({
      code: "bad-csv",
      message: expect.stringContaining("row 2: gw-1 got its card"),
    });
  });

  it("tries a row again on another card when one fails, and gives up after three", async () => {
    writeFileSync(join(folder, "cards.csv"), table(1));
    const desk = new Desk();
    const [bad, good] = [new Card("BAD"), new Card("GOOD")];
    bad.broken = true;
    desk.hand([bad, good]);
    const { error, said } = await batch(desk, ["--yes"]);
    expect(error).toBeUndefined();
    expect(said).toContain("gw-0 has no card yet: try again with another one");
    expect(good.provision()).toMatchObject({ gateway: "gw-0" });

    rmSync(results());
    const worse = new Desk();
    worse.hand([bad, bad, bad]);
    expect((await batch(worse, ["--yes"])).error).toMatchObject({ code: "disk-error" });
    expect(worse.turns).toEqual([]);
  });

  it("leaves alone what was in before, what nobody confirmed, and what came in place of another", async () => {
    writeFileSync(join(folder, "cards.csv"), table(1));
    const before = new Desk();
    before.inserted = new Card("PHOTOS");
    expect((await batch(before, ["--yes"])).error).toMatchObject({ code: "interrupted" });
    expect(before.inserted.bytes.every((byte) => byte === 0xa5)).toBe(true);

    const silent = new Desk();
    const card = new Card("C0");
    silent.hand([card]);
    expect((await batch(silent, [])).error).toMatchObject({ code: "not-confirmed" });
    expect(card.bytes.every((byte) => byte === 0xa5)).toBe(true);

    const swapped = new Desk();
    const other = new Card("OTHER");
    swapped.hand([card, card, card]);
    swapped.beforeOpen = () => {
      swapped.inserted = other;
    };
    expect((await batch(swapped, ["--yes"])).error).toMatchObject({ code: "disk-changed" });
    expect(other.bytes.every((byte) => byte === 0xa5)).toBe(true);
    expect(card.bytes.every((byte) => byte === 0xa5)).toBe(true);
  });

  it("unmounts what the desktop mounted only when it is told to", async () => {
    writeFileSync(join(folder, "cards.csv"), table(1));
    const desk = new Desk();
    const card = new Card("C0");
    desk.hand([card]);
    desk.turns.push(
      () => {},
      () => {},
    );
    desk.turns[1] = () => {
      desk.inserted = card;
      desk.mounted = true;
    };
    const without = await batch(desk, ["--yes"]);
    expect(without.said).toContain("mounted at /media/kim/GWBOOT: unmount it first, or add --unmount");
    const willing = new Desk();
    willing.hand([card]);
    willing.turns[1] = () => {
      willing.inserted = card;
      willing.mounted = true;
    };
    expect((await batch(willing, ["--yes", "--unmount"])).error).toBeUndefined();
    expect(willing.unmounted).toEqual(["/dev/sdb1"]);
    expect(card.provision()).toMatchObject({ gateway: "gw-0" });
  });

  it.each([
    ["gateway,token\ngw-1,short\n", /row 2: token: 8 to 512/],
    [`gateway,token\ngw-1,${token(1)}\ngw-2,${token(1)}\n`, /row 3, column token: the same as in row 2/],
    [`gateway,token\ngw-1,${token(1)}\ngw-1,${token(2)}\n`, /row 3, column gateway: the same as in row 2/],
    [`gateway,time-zone,token\ngw-1,Stockholm,${token(1)}\n`, /row 2: time-zone: /],
    [`gateway,address,token\ngw-1,192.0.2.1,${token(1)}\n`, /row 2: address is an address with its prefix/],
    [`gateway,config,token\ngw-1,none.yaml,${token(1)}\n`, /row 2: none\.yaml cannot be read/],
  ])("is refused as a whole before the first card: %j", async (text, why) => {
    writeFileSync(join(folder, "cards.csv"), text);
    const desk = new Desk();
    const { error, said } = await batch(desk, ["--yes"]);
    expect(error).toMatchObject({ code: "bad-csv", message: expect.stringMatching(why) });
    expect(String(error) + said).not.toContain("canary");
    expect(desk.waits).toBe(0);
  });

  it("says on other systems what to do there", async () => {
    writeFileSync(join(folder, "cards.csv"), table(1));
    const mac = Object.assign(new Desk(), { platform: "darwin" });
    expect((await batch(mac, ["--language", "sv"])).error).toMatchObject({
      code: "not-linux",
      hint: expect.stringContaining("Raspberry Pi Imager"),
    });
  });
});

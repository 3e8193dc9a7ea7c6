import { describe, expect, it } from "vitest";
import { type FakeEntry, type FakeMachine, fakeSystem } from "../../test/fake-system.ts";
import { boardPort, ch340Pair, ftdi, pi3, pi4, pi5, services, usbPort } from "../../test/machines.ts";
import { lookAtPorts, portFacts } from "./ports.ts";

const machine = (tree: Record<string, FakeEntry>, programs: FakeMachine["programs"] = {}) =>
  fakeSystem({ tree, programs: { ...services, ...programs } });

describe("serial ports", () => {
  it.each([
    ["Pi 3", pi3, ["/dev/ttyAMA0", "/dev/ttyS0"]],
    ["Pi 4", pi4, ["/dev/ttyAMA0", "/dev/ttyS0"]],
    ["Pi 5", pi5, ["/dev/ttyAMA0", "/dev/ttyAMA10"]],
  ])("lists those that a %s has, and no others", async (_, tree, names) => {
    const ports = await portFacts(machine(tree), []);
    expect(ports.map(({ name }) => name)).toEqual(names);
    expect(ports.every(({ stable }) => stable)).toBe(true);
    expect(ports.map(({ problem }) => problem)).toEqual([undefined, undefined]);
  });

  it("knows the mini UART, and every name that leads to it", async () => {
    const [, mini] = await portFacts(machine(pi4), []);
    expect(mini).toEqual({
      name: "/dev/ttyS0",
      names: ["/dev/serial0", "/dev/ttyS0"],
      what: "on board, mini UART (no parity)",
      stable: true,
    });
  });

  it("names an adapter by-id, says what it is, and whose connection it is", async () => {
    const tree = { ...pi4, ...usbPort(ftdi) };
    const [, , port] = await portFacts(machine(tree), [{ connection: "basement", port: "/dev/ttyUSB0" }]);
    expect(port).toEqual({
      name: "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0",
      names: [
        "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0",
        "/dev/serial/by-path/platform-usb-0:1.2:1.0-port0",
        "/dev/ttyUSB0",
      ],
      what: "FT232R USB UART, FTDI, serial number A50285BI",
      stable: true,
      connection: "basement",
    });
  });

  it("tells also of what gateway.yaml names and the machine does not list", async () => {
    const ports = await portFacts(machine({ ...pi4, "/dev/pts/3": {} }), [
      { connection: "simulated", port: "/dev/pts/3" },
      { connection: "attic", port: "/dev/ttyUSB7" },
    ]);
    expect(ports.slice(-2)).toMatchObject([
      { name: "/dev/pts/3", connection: "simulated" },
      { name: "/dev/ttyUSB7", connection: "attic", problem: { message: { sv: "/dev/ttyUSB7 finns inte." } } },
    ]);
    expect(ports.at(-2)?.problem).toBeUndefined();
  });

  it("takes the name by-path, and says why, where two adapters say the same of themselves", async () => {
    const tree = { ...pi4, ...usbPort(ch340Pair[0]!), ...usbPort(ch340Pair[1]!) };
    const ports = (await portFacts(machine(tree), [])).slice(2);
    expect(ports.map(({ name }) => name)).toEqual([
      "/dev/serial/by-path/platform-usb-0:1.1:1.0-port0",
      "/dev/serial/by-path/platform-usb-0:1.3:1.0-port0",
    ]);
    expect(ports[1]?.note?.en).toMatch(/share one name by-id/);
    expect(ports[0]?.what).toBe("USB Serial, CH340");
  });

  it("takes it by-id while it is alone", async () => {
    const [, , port] = await portFacts(machine({ ...pi4, ...usbPort(ch340Pair[0]!) }), []);
    expect(port).toMatchObject({ name: "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0", stable: true });
  });

  it("says when udev gave no lasting name", async () => {
    const { "/dev/serial/by-path/platform-usb-0:1.3:1.0-port0": _, ...tree } = usbPort(ch340Pair[1]!);
    const [, , port] = await portFacts(machine({ ...pi4, ...tree }), []);
    expect(port).toMatchObject({ name: "/dev/ttyUSB1", stable: false });
  });
});

describe("what keeps a port from being used", () => {
  const problemOf = async (
    tree: Record<string, FakeEntry>,
    name: string,
    programs: FakeMachine["programs"] = {},
  ) => (await lookAtPorts(machine(tree, programs), [])).find(({ tty }) => tty === name)?.troubles[0];

  it("is a login, and the kernel's own messages", async () => {
    const getty = { "systemctl is-active serial-getty@ttyAMA0.service": "active\n" };
    expect(await problemOf(pi4, "ttyAMA0", getty)).toMatchObject({
      id: "port-console",
      fix: { en: "sudo systemctl disable --now serial-getty@ttyAMA0.service" },
    });
    const tree = { ...pi4, "/proc/cmdline": "console=serial0,115200 console=tty1 rootwait\n" };
    const trouble = await problemOf(tree, "ttyS0");
    expect(trouble?.id).toBe("port-console");
    expect(trouble?.fix.en).toContain("/boot/firmware/cmdline.txt, then restart");
    expect(await problemOf(tree, "ttyAMA0")).toBeUndefined();
  });

  it("is a missing right, of the gateway's user and not of who asks", async () => {
    const programs = {
      "systemctl show stadsnod.service --property=MainPID,User,SupplementaryGroups,LoadState":
        "MainPID=0\nUser=pi\nSupplementaryGroups=\nLoadState=loaded\n",
    };
    expect(await problemOf(pi4, "ttyAMA0", programs)).toEqual({
      id: "port-permission",
      message: {
        en: "The user pi may not open /dev/ttyAMA0: it belongs to the group dialout.",
        sv: "Användaren pi får inte öppna /dev/ttyAMA0: porten hör till gruppen dialout.",
      },
      fix: {
        en: "sudo usermod -aG dialout pi && sudo systemctl restart stadsnod",
        sv: "sudo usermod -aG dialout pi && sudo systemctl restart stadsnod",
      },
    });
    // The running service's own word counts more than its unit's.
    const running = {
      ...pi4,
      "/proc/321/status":
        "Name:\tnode\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nGroups:\t20 1000 \n",
    };
    const ask = Object.keys(programs)[0]!;
    expect(
      await problemOf(running, "ttyAMA0", { [ask]: "MainPID=321\nUser=pi\nLoadState=loaded\n" }),
    ).toBeUndefined();
    // A login leaves the port to root and tty: then a group is no answer.
    const trouble = await problemOf({ ...pi4, ...boardPort("ttyAMA0", { gid: 5, mode: 0o620 }) }, "ttyAMA0");
    expect(trouble?.fix.en).toMatch(/udev\/rules\.d/);
  });

  it("is ModemManager, unless udev tells it to leave the adapter alone", async () => {
    const tree = { ...pi4, ...usbPort(ftdi) };
    const modem = { "systemctl is-active ModemManager.service": "active\n" };
    const trouble = await problemOf(tree, "ttyUSB0", modem);
    expect(trouble?.id).toBe("port-modem-manager");
    expect(trouble?.fix.sv).toContain('ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6001"');
    expect(await problemOf(tree, "ttyAMA0", modem)).toBeUndefined();
    const told = { ...tree, "/run/udev/data/c188:0": "E:ID_MM_DEVICE_IGNORE=1\n" };
    expect(await problemOf(told, "ttyUSB0", modem)).toBeUndefined();
  });

  it("is another program, but not the gateway itself", async () => {
    const tree = {
      ...pi4,
      "/proc/55/comm": "mbpoll\n",
      "/proc/55/cmdline": "mbpoll\0/dev/ttyAMA0",
      "/proc/55/fd/3": { link: "/dev/ttyAMA0" },
      "/proc/77/comm": "node\n",
      "/proc/77/cmdline": "node\0/usr/lib/stadsnod.js\0run\0/etc/stadsnod/gateway.yaml",
      "/proc/77/fd/20": { link: "/dev/ttyS0" },
    };
    expect((await problemOf(tree, "ttyAMA0"))?.message.en).toBe(
      "Another program has /dev/ttyAMA0 open: mbpoll (process 55).",
    );
    expect(await problemOf(tree, "ttyS0")).toBeUndefined();
    const locked = { ...pi4, "/run/lock/LCK..ttyS0": "        55\n", "/proc/55/comm": "minicom\n" };
    expect((await problemOf(locked, "ttyS0"))?.id).toBe("port-busy");
    // Whoever left a lock and died holds nothing.
    expect(await problemOf({ ...pi4, "/run/lock/LCK..ttyS0": "        55\n" }, "ttyS0")).toBeUndefined();
  });
});

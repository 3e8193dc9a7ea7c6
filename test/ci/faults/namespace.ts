import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A network of the daemon's own: one cable to the devices and the broker, and a packet filter. */
export interface Namespace extends Disposable {
  /** The address at the other end of the cable. */
  readonly host: string;
  /** In front of a command that is to run inside. */
  readonly through: readonly string[];
  /** Name of the broker that /etc/hosts knows inside. */
  readonly brokerName: string;
  cable(state: "up" | "down"): void;
  /** Rules of the packet filter for what goes out and what comes in (nft(8)); none: everything passes. */
  filter(rules: { readonly out?: string; readonly in?: string }): void;
  /** The cable carries no more than that, e.g. `8kbit`; undefined: all that comes. */
  rate(limit: string | undefined): void;
  /** The daemon's own address: one of two. */
  address(which: 0 | 1): void;
  /** Whether the broker's name can be looked up. */
  names(known: boolean): void;
}

function sh(command: string, ...parameters: string[]): void {
  execFileSync(command, parameters, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Needs root, iproute2 and nftables. */
export function openNamespace(): Namespace {
  const name = `stadsnod-${process.pid}`;
  const outer = `sn${process.pid}`;
  const inner = "eth0";
  const net = `10.213.${process.pid % 250}`;
  const host = `${net}.1`;
  const brokerName = "broker.example";
  const folder = join("/etc/netns", name);
  const inside = (...parameters: string[]) => sh("ip", "netns", "exec", name, ...parameters);
  const names = (known: boolean) =>
    writeFileSync(join(folder, "hosts"), `127.0.0.1 localhost\n${known ? `${host} ${brokerName}\n` : ""}`);
  const address = (which: 0 | 1) => {
    inside("ip", "address", "flush", "dev", inner);
    inside("ip", "address", "add", `${net}.${2 + which}/29`, "dev", inner);
  };
  // What this name server is asked is refused at once: nobody listens there.
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "resolv.conf"), `nameserver ${host}\noptions timeout:1 attempts:1\n`);
  names(true);
  sh("ip", "netns", "add", name);
  sh("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name);
  sh("ip", "address", "add", `${host}/29`, "dev", outer);
  sh("ip", "link", "set", outer, "up");
  inside("ip", "link", "set", "lo", "up");
  inside("ip", "link", "set", inner, "up");
  address(0);
  inside("nft", "add table inet faults");
  for (const hook of ["output", "input"])
    inside("nft", `add chain inet faults ${hook} { type filter hook ${hook} priority 0; policy accept; }`);
  return {
    host,
    brokerName,
    through: ["ip", "netns", "exec", name],
    cable: (state) => sh("ip", "link", "set", outer, state),
    filter(rules) {
      for (const [hook, rule] of [
        ["output", rules.out],
        ["input", rules.in],
      ] as const) {
        inside("nft", `flush chain inet faults ${hook}`);
        if (rule !== undefined) inside("nft", `add rule inet faults ${hook} ${rule}`);
      }
    },
    rate(limit) {
      if (limit === undefined) inside("tc", "qdisc", "del", "dev", inner, "root");
      else {
        const shape = ["tbf", "rate", limit, "burst", "1600", "latency", "2s"];
        inside("tc", "qdisc", "add", "dev", inner, "root", ...shape);
      }
    },
    address,
    names,
    [Symbol.dispose]() {
      sh("ip", "netns", "delete", name);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

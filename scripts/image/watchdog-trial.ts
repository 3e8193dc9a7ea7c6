import { missingIn } from "./books.ts";
import type { City } from "./city.ts";
import { nextReport, orMachineEnds, type Report, switchOn } from "./field-trial.ts";
import { ImageError } from "./process.ts";

// A gateway that hangs so deeply that nothing of it can start it anew but its watchdog, or the kernel itself.

/** What hangs, and what makes it so in the guest. */
const hangs: readonly { readonly name: string; readonly command: string }[] = [
  // Its cgroup is frozen: the gateway goes on, and nobody answers the watchdog.
  { name: "PID 1 hangs", command: "echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze" },
  // A panic that does not restart by itself: interrupts are off, nothing runs.
  { name: "the kernel stands", command: "echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger" },
  // As it is shipped: it waits panic=5 seconds.
  { name: "the kernel panics", command: "echo c >/proc/sysrq-trigger" },
];

/** Once per start, in this order; then no more. Part of no image. A panic takes what the console has not yet said. */
const hangUnit = `[Unit]
After=report.service
[Service]
Type=oneshot
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
ExecStart=/bin/sh -c 'n=$$(cat /data/hangs 2>/dev/null || echo 0); echo $$((n + 1)) | dd of=/data/hangs conv=fsync 2>/dev/null; sleep 10; echo; echo HANG-$$n; sleep 1; case $$n in ${hangs
  .map(({ command }, index) => `${index}) ${command} ;;`)
  .join(" ")} esac'
`;

const asked = ["machine", "hostname", "certificate", "bootstate", "failed", "watchdog", "watchdogs"];
const gateway = "gw-watchdog";

export interface Reset {
  readonly name: string;
  /** From the hang until the boot loader ran again. */
  readonly seconds: number;
  /** From there until a reading of the new start was at the platform. */
  readonly upSeconds: number;
}

/**
 * Each hang in turn: the machine restarts without anybody, as the same gateway, and its readings go on. Throws ImageError
 * where it is another one, no watchdog of the machine is armed, or a pack is missing at the end.
 */
export async function watchdogTrial(
  image: string,
  city: City,
  { told = (_: Reset) => {}, log = `${image}.watchdog.console.log` } = {},
): Promise<readonly Reset[]> {
  const resets: Reset[] = [];
  await using machine = await switchOn(image, city, {
    gateway,
    asked,
    log,
    units: { "hang.service": hangUnit },
    more: ["-device", "i6300esb", "-action", "watchdog=reset"],
  });
  const mine = () => city.books.filter((line) => line.gateway === gateway);
  const up = async (): Promise<Report> => {
    const runs = new Set(mine().map(({ run }) => run));
    const fresh = city.booked(
      (line) => line.gateway === gateway && line.type === "pack" && !runs.has(line.run),
    );
    const report = await nextReport(machine, 1200);
    await orMachineEnds(machine, fresh, 1200);
    return report;
  };
  const first = await up();
  if (!/i6300ESB[\s\S]*\bactive\b/i.test(first.get("watchdogs") ?? ""))
    throw new ImageError(`no watchdog is armed: ${first.get("watchdogs")}`);
  for (const [index, { name }] of hangs.entries()) {
    await machine.seen(new RegExp(`HANG-${index}`), 300);
    const hung = performance.now();
    await machine.seen(/U-Boot \d{4}/, 120);
    const back = performance.now();
    const report = await up();
    for (const one of ["machine", "hostname", "certificate", "failed"])
      if (report.get(one) !== first.get(one))
        throw new ImageError(`${name}: ${one} was ${first.get(one)} and is ${report.get(one)}`);
    const reset = {
      name,
      seconds: Math.round((back - hung) / 1000),
      upSeconds: Math.round((performance.now() - back) / 1000),
    };
    resets.push(reset);
    told(reset);
  }
  const settled = (async () => {
    while (missingIn(mine()).length > 0) await city.booked((line) => line.gateway === gateway);
  })();
  await orMachineEnds(machine, settled, 120).catch(() => {});
  const missing = missingIn(mine());
  if (missing.length > 0) throw new ImageError(`packs are missing: ${JSON.stringify(missing)}`);
  return resets;
}

import type { CheckDone } from "../../model/commissioning.ts";
import { isActive, propertiesOf, readLine, type System } from "../system.ts";
import { checkFailed, checkOk, checkWarning, notApplicable, said } from "../words.ts";
import type { Check } from "./look.ts";

const keepers = [
  { name: "systemd-timesyncd", units: ["systemd-timesyncd.service"], ask: "timedatectl timesync-status" },
  { name: "chrony", units: ["chrony.service", "chronyd.service"], ask: "chronyc sources -v" },
  { name: "ntpsec", units: ["ntpsec.service"], ask: "ntpq -p" },
  { name: "ntp", units: ["ntp.service", "ntpd.service"], ask: "ntpq -p" },
] as const;

/** Who keeps the clock: `systemd-timesyncd`, `chrony`. Undefined: nobody, or nobody can say. */
export async function timeKeeper(system: System): Promise<(typeof keepers)[number] | undefined> {
  for (const keeper of keepers) {
    const running = await Promise.all(keeper.units.map((unit) => isActive(system, unit)));
    if (running.some(Boolean)) return keeper;
  }
  return undefined;
}

export const timeCheck: Check = {
  id: "time",
  doing: said("Looking at the clock", "Tittar på klockan"),
  async look({ system, facts }) {
    return [
      ...(await plausible(system, facts.buildTime)),
      ...(await kept(system)),
      await hardwareClock(system),
    ];
  },
};

/** The wall clock by the kernel alone: our own clock never shows what it knows to be wrong. */
async function wallMs(system: System): Promise<number | undefined> {
  const boot = /^btime (\d+)$/m.exec((await system.read("/proc/stat", 1024 * 1024)) ?? "")?.[1];
  const up = /^([\d.]+)/.exec((await readLine(system, "/proc/uptime")) ?? "")?.[1];
  return boot === undefined || up === undefined ? undefined : (Number(boot) + Number(up)) * 1000;
}

async function plausible(system: System, buildTime: number): Promise<readonly CheckDone[]> {
  const now = await wallMs(system);
  if (now === undefined) return [];
  const shown = `${new Date(now).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  if (now >= buildTime)
    return [checkOk("clock", said(`The clock says ${shown}.`, `Klockan visar ${shown}.`))];
  return [
    checkFailed(
      "clock",
      said(
        `The clock says ${shown}, and this software is younger than that: certificates look invalid, and readings wait for the right time.`,
        `Klockan visar ${shown}, men programvaran är nyare än så: certifikat ser ogiltiga ut, och mätvärden väntar på rätt tid.`,
      ),
      said(
        "Give the machine a network with NTP, or set it by hand: sudo timedatectl set-ntp false && sudo timedatectl set-time 'YYYY-MM-DD HH:MM:SS' && sudo timedatectl set-ntp true",
        "Ge maskinen ett nät med NTP, eller ställ klockan för hand: sudo timedatectl set-ntp false && sudo timedatectl set-time 'ÅÅÅÅ-MM-DD TT:MM:SS' && sudo timedatectl set-ntp true",
      ),
    ),
  ];
}

async function kept(system: System): Promise<readonly CheckDone[]> {
  const keeper = await timeKeeper(system);
  if (!keeper) {
    if ((await isActive(system, "systemd-timesyncd.service")) === undefined)
      return [
        notApplicable(
          "time-sync",
          said(
            "systemd is not running here: nobody can say who keeps the clock.",
            "systemd körs inte här: det går inte att säga vem som ställer klockan.",
          ),
        ),
      ];
    return [
      checkFailed(
        "time-sync",
        said(
          "Nobody keeps the clock: neither systemd-timesyncd nor chrony nor ntp is running.",
          "Ingen ställer klockan: varken systemd-timesyncd, chrony eller ntp körs.",
        ),
        said(
          "sudo apt install systemd-timesyncd && sudo timedatectl set-ntp true",
          "sudo apt install systemd-timesyncd && sudo timedatectl set-ntp true",
        ),
      ),
    ];
  }
  const { name, ask } = keeper;
  const synchronized =
    (await propertiesOf(system, "timedatectl")).get("NTPSynchronized") === "yes" ||
    (await system.stat("/run/systemd/timesync/synchronized")) !== undefined;
  if (synchronized)
    return [
      checkOk(
        "time-sync",
        said(
          `${name} keeps the clock; it is synchronised.`,
          `${name} ställer klockan; den är synkroniserad.`,
        ),
      ),
    ];
  return [
    checkFailed(
      "time-sync",
      said(
        `${name} is running and has not reached a time server yet.`,
        `${name} körs men har inte nått någon tidsserver ännu.`,
      ),
      said(
        `See which servers it asks: ${ask}. NTP needs UDP port 123 out; the network's own server goes into NTP= of /etc/systemd/timesyncd.conf`,
        `Se vilka servrar den frågar: ${ask}. NTP behöver UDP-port 123 utåt; nätets egen server skrivs i NTP= i /etc/systemd/timesyncd.conf`,
      ),
    ),
  ];
}

/** Volts of the cell at a Raspberry Pi 5's J5, below which there is none. */
const emptyCell = 1;

async function hardwareClock(system: System): Promise<CheckDone> {
  const name = await readLine(system, "/sys/class/rtc/rtc0/name");
  const there = name !== undefined || (await system.stat("/dev/rtc0")) !== undefined;
  if (!there)
    return checkWarning(
      "rtc",
      said(
        "No hardware clock: after a power cut the time is unknown until the network brings it. Readings are kept and dated later.",
        "Ingen hårdvaruklocka: efter ett strömavbrott är tiden okänd tills nätet ger den. Mätvärden sparas och dateras i efterhand.",
      ),
      said(
        "Fit a DS3231 or RV-3028 module with a battery (dtoverlay=i2c-rtc,ds3231 in /boot/firmware/config.txt), or make sure that NTP is reached soon after the start",
        "Montera en DS3231- eller RV-3028-modul med batteri (dtoverlay=i2c-rtc,ds3231 i /boot/firmware/config.txt), eller se till att NTP nås strax efter start",
      ),
    );
  // The Raspberry Pi 5 has the clock, and its battery is sold apart.
  const cell = name?.includes("rpi")
    ? /=([\d.]+)V/.exec((await system.run("vcgencmd", ["pmic_read_adc", "BATT_V"]))?.out ?? "")?.[1]
    : undefined;
  if (cell !== undefined && Number(cell) < emptyCell)
    return checkWarning(
      "rtc",
      said(
        `There is a hardware clock and no battery at it (${cell} V): it forgets the time in a power cut.`,
        `Det finns en hårdvaruklocka men inget batteri till den (${cell} V): den glömmer tiden vid strömavbrott.`,
      ),
      said(
        "Plug the RTC battery into the connector BAT (J5)",
        "Anslut RTC-batteriet till kontakten BAT (J5)",
      ),
    );
  const shown = name ?? "rtc0";
  return checkOk("rtc", said(`Hardware clock: ${shown}.`, `Hårdvaruklocka: ${shown}.`));
}

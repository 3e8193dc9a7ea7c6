import type { CheckDone } from "../../model/commissioning.ts";
import { checkFailed, checkOk, checkWarning, said } from "../words.ts";
import type { Check, Look } from "./look.ts";

const urgentMB = 64;
const soonMB = 150;

export const memoryCheck: Check = {
  id: "memory",
  doing: said("Looking at the memory", "Tittar på minnet"),
  async look(look) {
    return [...(await available(look)), ...(await killed(look)), ...(await swap(look))];
  },
};

async function available({ system }: Look): Promise<readonly CheckDone[]> {
  const text = (await system.read("/proc/meminfo")) ?? "";
  const megabytes = (name: string) => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
    return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1024);
  };
  const total = megabytes("MemTotal");
  const free = megabytes("MemAvailable");
  if (total === undefined || free === undefined) return [];
  const message = said(
    `${free} of ${total} MB memory to be had.`,
    `${free} av ${total} MB minne tillgängligt.`,
  );
  const fix = said(
    "See who takes it: ps -eo rss,comm --sort=-rss | head. A gateway needs no desktop: sudo systemctl set-default multi-user.target",
    "Se vad som tar det: ps -eo rss,comm --sort=-rss | head. En gateway behöver inget skrivbord: sudo systemctl set-default multi-user.target",
  );
  if (free < urgentMB) return [checkFailed("memory", message, fix)];
  return [free < soonMB ? checkWarning("memory", message, fix) : checkOk("memory", message)];
}

async function killed({ system }: Look): Promise<readonly CheckDone[]> {
  const count = /^oom_kill (\d+)$/m.exec((await system.read("/proc/vmstat")) ?? "")?.[1];
  if (count === undefined || count === "0") return [];
  return [
    checkWarning(
      "memory-kills",
      said(
        `Since the start the kernel has ended ${count} programs because memory ran out.`,
        `Sedan start har kärnan avslutat ${count} program för att minnet tog slut.`,
      ),
      said(
        "See which: journalctl -k | grep -i 'killed process'",
        "Se vilka: journalctl -k | grep -i 'killed process'",
      ),
    ),
  ];
}

async function swap({ system }: Look): Promise<readonly CheckDone[]> {
  const lines = ((await system.read("/proc/swaps")) ?? "").split("\n").slice(1);
  const onDisk = lines
    .map((line) => line.split(/\s+/)[0] ?? "")
    .filter((name) => name !== "" && !/\/zram\d+$/.test(name));
  const [first] = onDisk;
  if (first === undefined) {
    const zram = lines.some((line) => line.includes("/zram"));
    return [
      checkOk(
        "swap",
        zram
          ? said("Swap in compressed memory.", "Växling i komprimerat minne.")
          : said("No swap on disk.", "Ingen växling på disk."),
      ),
    ];
  }
  const off =
    first === "/var/swap"
      ? "sudo dphys-swapfile swapoff && sudo systemctl disable --now dphys-swapfile"
      : `sudo swapoff ${first}`;
  return [
    checkWarning(
      "swap",
      said(
        `Memory is swapped to ${first}: that wears a card out, and stops the gateway for seconds.`,
        `Minnet växlas till ${first}: det sliter på kortet och stoppar gatewayen i flera sekunder.`,
      ),
      said(`${off} && sudo apt install zram-tools`, `${off} && sudo apt install zram-tools`),
    ),
  ];
}

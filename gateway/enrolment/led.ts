import type { EnrolmentState } from "./progress.ts";

/** The small part of /sys/class/leds that is used. */
export interface LedFiles {
  /** Rejects when there is no such file. */
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
}

/** What the green light does; ms on and off for `timer`. */
type Light =
  | { readonly trigger: "timer"; readonly on: number; readonly off: number }
  | { readonly trigger: "heartbeat" | "default-on" | "restore" };

/** docs/enrolment.md shows them to the technician. */
const lights: Readonly<Record<EnrolmentState, Light>> = {
  "not-wanted": { trigger: "restore" },
  // Short flash, long dark: it waits for somebody.
  "waiting-for-network": { trigger: "timer", on: 100, off: 1900 },
  "waiting-for-time": { trigger: "timer", on: 100, off: 1900 },
  "waiting-for-approval": { trigger: "timer", on: 1000, off: 1000 },
  enrolling: { trigger: "heartbeat" },
  // In service it shows what it always shows: the card.
  enrolled: { trigger: "restore" },
  renewing: { trigger: "restore" },
  // Quick, as an alarm.
  failed: { trigger: "timer", on: 120, off: 120 },
};

/** The names that kernels give the green light of a Raspberry Pi, the newer one first. */
const folders = ["/sys/class/leds/ACT", "/sys/class/leds/led0"];
/** What it shows when nobody says otherwise: the card's activity. */
const usual = ["mmc0", "mmc", "none"];

/** Shows a state on the green light. False where there is none, or where we may not; never rejects. */
export async function showOnLed(state: EnrolmentState, files: LedFiles): Promise<boolean> {
  const light = lights[state];
  for (const folder of folders) {
    try {
      const known = (await files.read(`${folder}/trigger`))
        .split(/\s+/)
        .map((word) => word.replace(/^\[(.*)\]$/, "$1"));
      const trigger = light.trigger === "restore" ? usual.find((one) => known.includes(one)) : light.trigger;
      if (trigger === undefined || !known.includes(trigger)) continue;
      await files.write(`${folder}/trigger`, trigger);
      if (light.trigger === "timer") {
        await files.write(`${folder}/delay_on`, String(light.on));
        await files.write(`${folder}/delay_off`, String(light.off));
      }
      return true;
    } catch {
      // No such light, or not ours: the other name, or none.
    }
  }
  return false;
}

import type { CheckDone } from "../../model/commissioning.ts";
import { readLine, readNumber, type System } from "../system.ts";
import { checkFailed, checkOk, checkWarning, notApplicable, said } from "../words.ts";
import type { Check } from "./look.ts";

/** Bits of get_throttled (Raspberry Pi documentation, vcgencmd). 16 higher: since the start. */
const bits = { undervoltage: 0, capped: 1, throttled: 2, softLimit: 3 } as const;
const hotC = 75;
const tooHotC = 83;

/** What the firmware of a Raspberry Pi says of its supply; undefined where nobody says anything. */
export async function throttling(
  system: System,
): Promise<Record<keyof typeof bits, "now" | "earlier" | "never"> | undefined> {
  const text =
    /throttled=(0x[0-9a-f]+)/i.exec((await system.run("vcgencmd", ["get_throttled"]))?.out ?? "")?.[1] ??
    (await readLine(system, "/sys/devices/platform/soc/soc:firmware/get_throttled"));
  const word = text === undefined ? Number.NaN : Number.parseInt(text, 16);
  const alarm = await voltageAlarm(system);
  if (Number.isNaN(word) && alarm === undefined) return undefined;
  const state = (bit: number) => {
    if ((word >> bit) & 1) return "now";
    return (word >> (bit + 16)) & 1 ? "earlier" : "never";
  };
  const undervoltage = state(bits.undervoltage);
  return {
    undervoltage: undervoltage === "never" && alarm ? "earlier" : undervoltage,
    capped: state(bits.capped),
    throttled: state(bits.throttled),
    softLimit: state(bits.softLimit),
  };
}

/** The driver raspberrypi-hwmon: 1 when there was too little since it was read last. */
async function voltageAlarm(system: System): Promise<boolean | undefined> {
  for (const name of await system.list("/sys/class/hwmon")) {
    const at = `/sys/class/hwmon/${name}`;
    if ((await readLine(system, `${at}/name`)) !== "rpi_volt") continue;
    const alarm = await readNumber(system, `${at}/in0_lcrit_alarm`);
    if (alarm !== undefined) return alarm === 1;
  }
  return undefined;
}

/** Of the processor, degrees Celsius. */
export async function temperatureC(system: System): Promise<number | undefined> {
  const found: number[] = [];
  for (const name of await system.list("/sys/class/thermal")) {
    if (!name.startsWith("thermal_zone")) continue;
    const milli = await readNumber(system, `/sys/class/thermal/${name}/temp`);
    if (milli !== undefined && milli > -50_000 && milli < 200_000) found.push(milli / 1000);
  }
  return found.length === 0 ? undefined : Math.max(...found);
}

export const powerCheck: Check = {
  id: "power",
  doing: said("Looking at supply and temperature", "Tittar på strömmatning och temperatur"),
  async look({ system }) {
    return [...(await supply(system)), ...(await heat(system))];
  },
};

async function supply(system: System): Promise<readonly CheckDone[]> {
  const found = await throttling(system);
  if (!found)
    return [
      notApplicable(
        "power",
        said("This machine does not measure its supply.", "Maskinen mäter inte sin strömmatning."),
      ),
    ];
  const fix = said(
    "Use the maker's power supply (Pi 5: 5.1 V 5 A, Pi 4: 5.1 V 3 A) and a short, thick cable; feed USB devices that draw much from a powered hub; at a DIN rail set the 5 V supply to 5.1 V at the board",
    "Använd tillverkarens nätaggregat (Pi 5: 5,1 V 5 A, Pi 4: 5,1 V 3 A) och en kort, grov kabel; mata strömkrävande USB-enheter via en hubb med eget nätaggregat; på DIN-skena: ställ in 5 V-aggregatet så att kortet får 5,1 V",
  );
  const checks: CheckDone[] = [];
  if (found.undervoltage === "now")
    checks.push(
      checkFailed(
        "undervoltage",
        said(
          "The supply is too weak right now (below 4.63 V): USB adapters drop out, and the card may be damaged.",
          "Matningsspänningen är för låg just nu (under 4,63 V): USB-adaptrar faller bort, och kortet kan skadas.",
        ),
        fix,
      ),
    );
  else if (found.undervoltage === "earlier")
    checks.push(
      checkWarning(
        "undervoltage",
        said(
          "The supply was too weak (below 4.63 V) at some time since the start.",
          "Matningsspänningen har varit för låg (under 4,63 V) någon gång sedan start.",
        ),
        fix,
      ),
    );
  else
    checks.push(
      checkOk(
        "undervoltage",
        said("The supply has been strong enough.", "Matningsspänningen har räckt till."),
      ),
    );
  if (found.throttled === "now" || found.softLimit === "now")
    checks.push(
      checkWarning(
        "throttled",
        said("The processor is being slowed down.", "Processorn bromsas just nu."),
        said(
          "Too hot or too weak a supply: look at these two, and give the box air or a heat sink",
          "För varmt eller för svag matning: kontrollera båda, och ge lådan luft eller en kylfläns",
        ),
      ),
    );
  return checks;
}

async function heat(system: System): Promise<readonly CheckDone[]> {
  const degrees = await temperatureC(system);
  if (degrees === undefined) return [];
  const shown = degrees.toFixed(0);
  const message = said(`The processor has ${shown} °C.`, `Processorn håller ${shown} °C.`);
  const fix = said(
    "Move the box out of the sun, fit a heat sink, and leave air around it: at 85 °C the processor is slowed down",
    "Flytta lådan ur solen, montera en kylfläns och lämna luft runt om: vid 85 °C bromsas processorn",
  );
  if (degrees >= tooHotC) return [checkFailed("temperature", message, fix)];
  return [degrees >= hotC ? checkWarning("temperature", message, fix) : checkOk("temperature", message)];
}

import { describe, expect, it } from "vitest";
import { type LedFiles, showOnLed } from "./led.ts";

function lights(files: Record<string, string>): LedFiles & { readonly files: Record<string, string> } {
  const there = (path: string) => {
    const name = path.replace("/sys/class/leds/", "");
    if (files[name] === undefined && !name.includes("delay")) throw new Error("ENOENT");
    return name;
  };
  return {
    files,
    read: async (path) => files[there(path)]!,
    async write(path, text) {
      files[there(path)] = text;
    },
  };
}

const triggers = "none timer heartbeat default-on [mmc0]\n";

describe("the green light", () => {
  it("blinks by the state, under the name that this kernel has", async () => {
    const led = lights({ "led0/trigger": triggers });
    expect(await showOnLed("waiting-for-network", led)).toBe(true);
    expect(led.files).toEqual({ "led0/trigger": "timer", "led0/delay_on": "100", "led0/delay_off": "1900" });
    led.files["led0/trigger"] = triggers;
    await showOnLed("failed", led);
    expect(led.files).toMatchObject({ "led0/delay_on": "120", "led0/delay_off": "120" });
  });

  it("shows the card again when it is done", async () => {
    const led = lights({ "ACT/trigger": "none [timer] mmc0" });
    expect(await showOnLed("enrolled", led)).toBe(true);
    expect(led.files["ACT/trigger"]).toBe("mmc0");
  });

  it("is no trouble where there is none, or where it is not ours", async () => {
    expect(await showOnLed("failed", lights({}))).toBe(false);
    const shut: LedFiles = { read: async () => triggers, write: () => Promise.reject(new Error("EACCES")) };
    expect(await showOnLed("failed", shut)).toBe(false);
  });
});

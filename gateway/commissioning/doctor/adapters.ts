import type { CheckDone } from "../../model/commissioning.ts";
import { isActive, readNumber } from "../system.ts";
import { checkOk, checkWarning, notApplicable, said } from "../words.ts";
import type { Check } from "./look.ts";

/**
 * FTDI chips hold bytes back for 16 ms unless told otherwise, and every answer of a device comes that much later
 * (FTDI AN232B-04; ftdi_sio shows it as latency_timer, ms).
 */
export const latencyCheck: Check = {
  id: "usb-latency",
  doing: said("Looking at the delay of USB adapters", "Tittar på USB-adaptrarnas fördröjning"),
  async look({ system, ports }) {
    const found: CheckDone[] = [];
    for (const { tty, connections } of ports) {
      const path = `/sys/bus/usb-serial/devices/${tty}/latency_timer`;
      const ms = await readNumber(system, path);
      if (ms === undefined) continue;
      const subject = connections[0] ?? tty;
      if (ms <= 1) {
        found.push(
          checkOk("usb-latency", said(`${tty}: delay ${ms} ms.`, `${tty}: fördröjning ${ms} ms.`), subject),
        );
        continue;
      }
      const now = `echo 1 | sudo tee ${path}`;
      const rule = `echo 'ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"' | sudo tee /etc/udev/rules.d/62-stadsnod-latency.rules`;
      found.push(
        checkWarning(
          "usb-latency",
          said(
            `The adapter at ${tty} holds every answer back for up to ${ms} ms: polling is slower than the line allows.`,
            `Adaptern på ${tty} håller kvar varje svar i upp till ${ms} ms: avfrågningen går långsammare än linjen tillåter.`,
          ),
          said(`Now: ${now} - and for good: ${rule}`, `Nu: ${now} - och för gott: ${rule}`),
          subject,
        ),
      );
    }
    if (found.length > 0) return found;
    return [
      notApplicable(
        "usb-latency",
        said("No USB adapter with a delay to set.", "Ingen USB-adapter med inställbar fördröjning."),
      ),
    ];
  },
};

/** brltty takes CH340 and CP210x adapters for Braille displays: the port is gone a second after it was plugged in. */
export const brailleCheck: Check = {
  id: "braille",
  doing: said("Looking for services that take adapters", "Letar efter tjänster som tar adaptrar"),
  async look({ system }) {
    const running = await Promise.all(
      ["brltty.service", "brltty-udev.service"].map((unit) => isActive(system, unit)),
    );
    if (!running.some(Boolean))
      return [
        checkOk(
          "braille",
          said("brltty does not take adapters away.", "brltty tar inte bort några adaptrar."),
        ),
      ];
    return [
      checkWarning(
        "braille",
        said(
          "brltty is running: it takes CH340 and CP210x adapters for Braille displays, and their port disappears.",
          "brltty körs: den tar CH340- och CP210x-adaptrar för punktskriftsdisplayer, och porten försvinner.",
        ),
        said(
          "sudo systemctl mask --now brltty.service brltty-udev.service, then plug the adapter in again",
          "sudo systemctl mask --now brltty.service brltty-udev.service och anslut sedan adaptern på nytt",
        ),
      ),
    ];
  },
};

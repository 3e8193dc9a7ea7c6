import { after as realAfter, type Wire } from "../wire.ts";
import type { Actuator, ActuatorFault, ActuatorOptions, Written } from "./actuator.ts";

/**
 * A dimmer that takes lines of text, as simulated here (it exists nowhere else). Lines end with CR.
 *
 * | Command | Answer |
 * |---|---|
 * | `L?` | `L=<level>` |
 * | `L<0..100>` | `OK <level>`, or `NO <reason>` |
 * | `N<text>` | none: the text on its display |
 */
export interface LineDimmer extends Actuator {
  readonly level: number;
  readonly display: string;
  attach(wire: Wire): void;
}

const longest = 64;

export function createLineDimmer(options: ActuatorOptions = {}): LineDimmer {
  const { now = () => performance.now(), after = realAfter } = options;
  const written: Written[] = [];
  let fault: ActuatorFault | undefined;
  let isDead = false;
  let attempts = 0;
  let level = 0;
  let display = "";

  const apply = (value: number): void => {
    level = value;
    written.push({ place: "level", value, at: now() });
  };
  const set = (value: number): string | undefined => {
    attempts++;
    switch (fault?.kind) {
      case "silent":
        return undefined;
      case "refuses":
        return `NO ${fault.code ?? 1}`;
      case "applies-late":
        after(fault.ms, () => apply(value));
        return `OK ${value}`;
      case "applies-other":
        apply(value + (fault.by ?? 1));
        return `OK ${value}`;
      case "echoes-wrong":
        apply(value);
        return `OK ${value + 1}`;
      case "mute":
        apply(value);
        return undefined;
      default:
        if (value > 100) return "NO 2";
        apply(value);
        return `OK ${value}`;
    }
  };
  const answer = (line: string): string | undefined => {
    if (line === "L?") return `L=${level}`;
    const [, digits] = /^L(\d{1,5})$/.exec(line) ?? [];
    if (digits !== undefined) return set(Number(digits));
    if (!line.startsWith("N")) return "NO 3";
    attempts++;
    if (fault?.kind !== "silent") display = line.slice(1);
    return undefined;
  };
  return {
    written,
    get attempts() {
      return attempts;
    },
    get level() {
      return level;
    },
    get display() {
      return display;
    },
    fault: (next) => {
      fault = next;
      isDead = next?.kind === "dead";
    },
    attach: (wire) => {
      let partial = "";
      wire.receive((chunk) => {
        partial = (partial + Buffer.from(chunk).toString("latin1")).slice(-longest);
        const lines = partial.split("\r");
        partial = lines.pop() ?? "";
        for (const line of lines) {
          const said = isDead ? undefined : answer(line);
          if (said === undefined) continue;
          const bytes = Buffer.from(`${said}\r`, "latin1");
          if (fault?.kind === "dies" && line !== "L?") {
            isDead = true;
            wire.send(bytes.subarray(0, 1));
          } else wire.send(bytes);
        }
      });
    },
  };
}

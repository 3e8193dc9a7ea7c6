import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { clockOf } from "../clock.ts";
import { choiceField, durationField } from "../logic/fields.ts";
import { inputOf } from "../logic/input.ts";
import { Wake } from "../logic/wake.ts";
import { type AgedReading, parseTopic } from "../message.ts";
import { failedStatus, goodStatus, StatusLine, valueText, warningStatus } from "../status.ts";
import { Combination, type Combined, type Term } from "./combination.ts";

interface WrittenTerm {
  name: string;
  topic: string;
  type: string;
  maxAge: string;
}

interface CombineDef extends NodeDef {
  expression: string;
  terms: WrittenTerm[];
  unit: string;
  topic: string;
  onChange: boolean;
  quality: string;
}

/** One value of several points, by an expression; nothing but a quality while one of them is not good. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function Combine(this: Node, def: CombineDef): void {
    RED.nodes.createNode(this, def);
    const status = new StatusLine(this, clock);
    let combination: Combination;
    let quality: "all" | "good" | "route";
    try {
      quality = choiceField("quality", def.quality, ["all", "good", "route"]);
      combination = new Combination(def.expression, termsOf(def));
    } catch (error) {
      status.show(failedStatus("state.bad-setting"));
      this.error(error instanceof Error ? error.message : String(error));
      return;
    }
    let told: Combined | undefined;

    const tell = (send: (messages: (NodeMessage | null)[]) => void) => {
      const before = told;
      told = combination.result(clock.now());
      show(told);
      if (told.quality === "waiting") return;
      const isNews = before?.quality !== told.quality || before.value !== told.value;
      // What is missing is told once; a value at every reading, unless only changes are wanted.
      if (!isNews && (def.onChange || told.value === undefined)) return;
      const message = messageOf(def, told, combination.oldest() ?? clock.now());
      if (told.value !== undefined || quality === "all") send([message]);
      else if (quality === "route") send([null, message]);
    };
    const show = ({ quality, value }: Combined) => {
      if (value !== undefined) return status.show(goodStatus(valueText(value, def.unit || undefined)));
      status.show(warningStatus(quality === "waiting" ? "status.waiting" : `quality.${quality}`));
    };
    const plan = () => {
      const due = combination.due(clock.now());
      wake.in(due === undefined ? undefined : due - clock.now());
    };
    const wake = new Wake(clock, () => {
      if (told?.quality === "good") tell((all) => this.send(all));
      plan();
    });

    status.show(warningStatus("status.waiting"));
    this.on("input", (message, send, done) => {
      try {
        if (combination.take(inputOf(message, clock))) tell(send);
        plan();
        done();
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    });
    this.on("close", () => {
      wake[Symbol.dispose]();
      status[Symbol.dispose]();
    });
  }

  RED.nodes.registerType("stadsnod-combine", Combine);
}

function messageOf({ topic, unit }: CombineDef, told: Combined, time: number) {
  const name = parseTopic(topic) ?? { device: "", point: topic };
  const reading: AgedReading = {
    ...name,
    ...(told.value === undefined ? { detail: told.detail } : { value: told.value }),
    ...(unit ? { unit } : {}),
    quality: told.quality,
    time: new Date(time).toISOString(),
  };
  return { topic, payload: told.value, reading };
}

function termsOf({ terms }: CombineDef): Term[] {
  return terms.map(({ name, topic, type, maxAge }) => {
    const maxAgeMs = durationField(`${name} max age`, maxAge, 0);
    return {
      name,
      topic,
      type: choiceField(`${name} type`, type || "number", ["number", "boolean", "text"]),
      maxAgeMs: maxAgeMs === 0 ? undefined : maxAgeMs,
    };
  });
}

import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { clockOf } from "../clock.ts";
import { choiceField, durationField, valueField } from "../logic/fields.ts";
import { isOn } from "../logic/hysteresis.ts";
import { type Input, numericInputOf } from "../logic/input.ts";
import { limitRuleOf, type WrittenRule } from "../logic/limit-rule.ts";
import { Switch } from "../logic/switch.ts";
import { Wake } from "../logic/wake.ts";
import type { AgedReading } from "../message.ts";
import { failedStatus, StatusLine, valueText, warningStatus } from "../status.ts";

interface ThresholdDef extends NodeDef, WrittenRule {
  debounce: string;
  minOn: string;
  minOff: string;
  maxAge: string;
  bad: string;
  onPayload: unknown;
  onPayloadType: string;
  offPayload: unknown;
  offPayloadType: string;
}

/** On or off by a limit; a message at each change. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function Threshold(this: Node, def: ThresholdDef): void {
    RED.nodes.createNode(this, def);
    const status = new StatusLine(this, clock);
    let settings: ReturnType<typeof settingsOf>;
    try {
      settings = settingsOf(def);
    } catch (error) {
      status.show(failedStatus("state.bad-setting"));
      this.error(error instanceof Error ? error.message : String(error));
      return;
    }
    const { rule, timing, maxAgeMs, bad, payloads } = settings;
    const state = new Switch(timing);
    let last: { input: Input; message: NodeMessage; at: number } | undefined;
    let tooOld = false;

    const tell = (send: (message: NodeMessage) => void) => {
      if (!last) return;
      send({ ...last.message, payload: state.on ? payloads.on : payloads.off });
    };
    const show = ({ value, unit, quality }: Input) => {
      if (value === undefined) return status.show(warningStatus(`quality.${quality}`));
      const text = valueText(value, unit);
      status.show(state.on ? { fill: "green", shape: "dot", text } : { fill: "grey", shape: "ring", text });
    };
    const plan = () => {
      const ages = last && !tooOld && maxAgeMs !== undefined ? last.at + maxAgeMs : undefined;
      const due = [state.due, ages].filter((at) => at !== undefined);
      wake.in(due.length === 0 ? undefined : Math.min(...due) - clock.monotonic());
    };
    const missing = (message: NodeMessage, send: (message: (NodeMessage | null)[]) => void) => {
      if (bad === "second") send([null, message]);
      if (bad !== "release") return state.freeze();
      if (state.release(clock.monotonic())) tell((one) => send([one]));
    };
    const wake = new Wake(clock, () => {
      const now = clock.monotonic();
      if (state.tick(now)) tell((one) => this.send(one));
      if (last && !tooOld && maxAgeMs !== undefined && now >= last.at + maxAgeMs) {
        tooOld = true;
        const { input, message, at } = last;
        const reading = input.reading && stale(input.reading);
        // Whatever is sent from now on must not show as good what is too old.
        const aged = { ...message, payload: undefined, ...(reading && { reading }) };
        last = {
          input: { ...input, ...(reading && { reading }), value: undefined, quality: "stale" },
          message: aged,
          at,
        };
        missing(aged, (all) => this.send(all));
      }
      if (last) show(last.input);
      plan();
    });

    this.on("input", (message, send, done) => {
      try {
        const input = numericInputOf(message, clock);
        const other = last?.input.reading && input.reading && last.input.topic !== input.topic;
        if (other)
          throw new TypeError(`this node watches ${last?.input.topic}: ${input.topic} needs one of its own`);
        const now = clock.monotonic();
        last = { input, message: { ...message }, at: now };
        tooOld = false;
        if (input.value === undefined) missing(message, send);
        else if (state.want(isOn(rule, input.value, state.on ?? false), now)) tell(send);
        show(input);
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

  RED.nodes.registerType("stadsnod-threshold", Threshold);
}

/** The same reading, of which nobody may take the value for one of now. */
function stale({ value: _, ...reading }: AgedReading): AgedReading {
  return { ...reading, quality: "stale" };
}

function settingsOf(def: ThresholdDef) {
  const debounceMs = durationField("debounce", def.debounce, 0);
  const maxAgeMs = durationField("maxAge", def.maxAge, 0);
  return {
    rule: limitRuleOf(def),
    timing: {
      onDelayMs: debounceMs,
      offDelayMs: debounceMs,
      minOnMs: durationField("minOn", def.minOn, 0),
      minOffMs: durationField("minOff", def.minOff, 0),
    },
    maxAgeMs: maxAgeMs === 0 ? undefined : maxAgeMs,
    bad: choiceField("bad", def.bad, ["freeze", "release", "second"]),
    payloads: {
      on: valueField("onPayload", def.onPayload, def.onPayloadType),
      off: valueField("offPayload", def.offPayload, def.offPayloadType),
    },
  };
}

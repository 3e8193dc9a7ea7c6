import type { Node, NodeAPI, NodeDef, NodeMessage, NodeStatus } from "node-red";
import { clockOf } from "../clock.ts";
import { choiceField, durationField } from "../logic/fields.ts";
import { isOn, type LimitRule } from "../logic/hysteresis.ts";
import { type Input, inputOf, numericInputOf } from "../logic/input.ts";
import { limitRuleOf, type WrittenRule } from "../logic/limit-rule.ts";
import { Switch } from "../logic/switch.ts";
import { Wake } from "../logic/wake.ts";
import { failedStatus, StatusLine } from "../status.ts";
import {
  type Action,
  type AlarmState,
  after,
  atRest,
  type Kept,
  severities,
  stateOf,
} from "./alarm-state.ts";
import { memoryOf } from "./memory.ts";
import { operatorAction } from "./operator.ts";

interface AlarmDef extends NodeDef, WrittenRule {
  severity: string;
  latching: boolean;
  onDelay: string;
  offDelay: string;
  bad: string;
  topic: string;
}

const looks: Readonly<Record<AlarmState, NodeStatus>> = {
  normal: { fill: "green", shape: "ring", text: "state.normal" },
  raised: { fill: "red", shape: "dot", text: "state.raised" },
  acknowledged: { fill: "red", shape: "ring", text: "state.acknowledged" },
  returned: { fill: "yellow", shape: "dot", text: "state.returned" },
  shelved: { fill: "grey", shape: "ring", text: "state.shelved" },
};

/** An alarm: one message at each change of its state, whatever the readings do. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function Alarm(this: Node, def: AlarmDef): void {
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
    const { rule, timing, bad, severity } = settings;
    const memory = memoryOf(this, RED);
    let kept: Kept = atRest;
    let condition = new Switch(timing, false);
    let last: Input | undefined;
    let closed = false;

    const act = (action: Action, send: (message: NodeMessage) => void) => {
      const before = kept;
      kept = after(before, action, def.latching, clock.now());
      if (kept === before) return;
      memory.remember(kept);
      const state = stateOf(kept);
      status.show(looks[state]);
      if (state !== stateOf(before)) send(messageOf(def, severity, kept, stateOf(before), last));
    };
    const follow = (send: (message: NodeMessage) => void) => {
      act({ kind: "condition", active: condition.on ?? false }, send);
      const shelf = kept.shelvedUntil === undefined ? undefined : kept.shelvedUntil - clock.now();
      const change = condition.due === undefined ? undefined : condition.due - clock.monotonic();
      const next = Math.min(shelf ?? Number.POSITIVE_INFINITY, change ?? Number.POSITIVE_INFINITY);
      wake.in(Number.isFinite(next) ? next : undefined);
    };
    const onTime = () => {
      condition.tick(clock.monotonic());
      act({ kind: "tick" }, (one) => this.send(one));
      follow((one) => this.send(one));
    };
    const wake = new Wake(clock, onTime);
    const take = (message: NodeMessage) => {
      last = rule ? numericInputOf(message, clock) : inputOf(message, clock);
      const now = clock.monotonic();
      const wanted =
        last.value === undefined ? bad === "raise" || undefined : isActive(rule, last.value, condition.on);
      if (wanted === undefined) condition.freeze();
      else condition.want(wanted, now);
    };
    const recalled = memory.recall().then(
      (known) => {
        if (closed) return;
        kept = known ?? atRest;
        condition = new Switch(timing, kept.active);
        status.show(looks[stateOf(kept)]);
        onTime();
      },
      (error: unknown) => this.error(`the alarm of before is not known: ${String(error)}`),
    );

    this.on("input", (message, send, done) => {
      const handle = () => {
        if (closed) return;
        const action = operatorAction(message.topic, message.payload);
        if (action) act(action, send);
        else take(message);
        follow(send);
      };
      recalled.then(handle).then(
        () => done(),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      );
    });
    this.on("close", () => {
      closed = true;
      wake[Symbol.dispose]();
      status[Symbol.dispose]();
    });
  }

  RED.nodes.registerType("stadsnod-alarm", Alarm);
}

/** Throws TypeError for a text where true or false is wanted. */
function isActive(rule: LimitRule | undefined, value: NonNullable<Input["value"]>, now = false): boolean {
  if (rule) return isOn(rule, Number(value), now);
  if (typeof value === "boolean") return value;
  if (value === 0 || value === 1) return value === 1;
  throw new TypeError("msg.payload must be true or false");
}

function messageOf(
  { name, topic }: AlarmDef,
  severity: string,
  kept: Kept,
  before: AlarmState,
  last: Input | undefined,
): NodeMessage {
  const state = stateOf(kept);
  const { active, acknowledged, raisedAt, shelvedUntil, by, reason } = kept;
  const alarm = {
    name,
    severity,
    state,
    before,
    active,
    acknowledged,
    ...(raisedAt === undefined ? {} : { raisedAt: new Date(raisedAt).toISOString() }),
    ...(shelvedUntil === undefined ? {} : { shelvedUntil: new Date(shelvedUntil).toISOString() }),
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
    ...(last?.value === undefined ? {} : { value: last.value }),
    ...(last ? { quality: last.quality } : {}),
  };
  const message = { topic: topic || name, payload: state, alarm };
  return last?.reading ? { ...message, reading: last.reading } : message;
}

function settingsOf(def: AlarmDef) {
  return {
    rule: def.rule === "boolean" ? undefined : limitRuleOf(def),
    timing: {
      onDelayMs: durationField("onDelay", def.onDelay, 0),
      offDelayMs: durationField("offDelay", def.offDelay, 0),
      minOnMs: 0,
      minOffMs: 0,
    },
    bad: choiceField("bad", def.bad, ["keep", "raise"]),
    severity: choiceField("severity", def.severity, severities),
  };
}

import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { clockOf } from "../clock.ts";
import { choiceField, durationField, numberField, SettingError } from "../logic/fields.ts";
import { type Input, numericInputOf } from "../logic/input.ts";
import { Wake } from "../logic/wake.ts";
import type { AgedReading } from "../message.ts";
import { failedStatus, goodStatus, StatusLine, valueText, warningStatus } from "../status.ts";
import { localWindows } from "./local-windows.ts";
import { openSeries, type Series, type WindowSettings } from "./series.ts";
import type { Aggregation, Outcome } from "./tally.ts";
import { unitOf } from "./unit.ts";

interface AggregateDef extends NodeDef {
  function: string;
  percent: string;
  per: string;
  window: string;
  length: string;
  aligned: boolean;
  timeZone: string;
  every: string;
  bridge: string;
  rollover: string;
  leastShare: string;
  quality: string;
}

interface Watched {
  readonly series: Series;
  last: Input;
}

/** Each point has a series of its own; more than these are refused. */
const mostSeries = 500;

/** One value of many: over a window of time, for each point by itself. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function Aggregate(this: Node, def: AggregateDef): void {
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
    const { windows, leastShare, rollover, quality } = settings;
    const points = new Map<string, Watched>();

    const tell = ({ last }: Watched, outcome: Outcome, send: (messages: (NodeMessage | null)[]) => void) => {
      const message = messageOf(last, outcome, windows.of, leastShare);
      const { value, unit } = message.reading;
      status.show(
        value === undefined ? warningStatus("state.too-little") : goodStatus(valueText(value, unit)),
      );
      if (value !== undefined || quality === "all") send([message]);
      else if (quality === "route") send([null, message]);
    };
    const plan = () => {
      let due = Number.POSITIVE_INFINITY;
      for (const { series } of points.values()) due = Math.min(due, series.due ?? due);
      wake.in(Number.isFinite(due) ? due - clock.now() : undefined);
    };
    const wake = new Wake(clock, () => {
      for (const watched of points.values())
        for (const outcome of watched.series.pass(clock.now()))
          tell(watched, outcome, (all) => this.send(all));
      plan();
    });

    this.on("input", (message, send, done) => {
      try {
        const input = numericInputOf(message, clock);
        let watched = points.get(input.topic);
        if (!watched) {
          if (points.size >= mostSeries) throw new RangeError(`more than ${mostSeries} points at one node`);
          watched = { series: openSeries(windows), last: input };
          points.set(input.topic, watched);
        }
        const sample = { time: input.time, value: input.value, rollover: rolloverOf(input) ?? rollover };
        const outcomes = watched.series.take(sample);
        watched.last = input;
        for (const outcome of outcomes) tell(watched, outcome, send);
        if (outcomes.length === 0 && watched.last.value === undefined)
          status.show(warningStatus(`quality.${input.quality}`));
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

  RED.nodes.registerType("stadsnod-aggregate", Aggregate);
}

function rolloverOf({ reading }: Input): number | undefined {
  const told: unknown = reading && Reflect.get(reading, "rollover");
  return typeof told === "number" && told > 0 ? told : undefined;
}

function messageOf({ topic, reading, unit }: Input, outcome: Outcome, of: Aggregation, leastShare: number) {
  const { from, to, share, count } = outcome;
  const enough = share >= leastShare && outcome.value !== undefined;
  const value = enough ? outcome.value : undefined;
  const made = unitOf(of, unit);
  const percent = Math.round(share * 100);
  const [device = "", ...rest] = topic.split("/");
  const told: AgedReading = {
    device: reading?.device ?? device,
    point: reading?.point ?? rest.join("/"),
    ...(value === undefined ? {} : { value }),
    ...(made === undefined ? {} : { unit: made }),
    quality: enough ? "good" : "stale",
    time: new Date(to).toISOString(),
    ...(enough ? {} : { detail: `readings tell of ${percent} % of the time` }),
  };
  const aggregate = {
    function: of.kind,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    share: Math.round(share * 1e4) / 1e4,
    count,
  };
  return { topic, payload: value, reading: told, aggregate };
}

const perMs = { s: 1000, min: 60_000, h: 3_600_000 } as const;

function settingsOf(def: AggregateDef) {
  const lengthMs = durationField("length", def.length, 0);
  if (lengthMs < 1000) throw new SettingError("length", "at least 1s");
  const share = def.leastShare === "" ? 0 : numberField("leastShare", def.leastShare, 0) / 100;
  if (share > 1) throw new SettingError("leastShare", "at most 100 %");
  const windows: WindowSettings = {
    of: aggregationOf(def),
    kind: choiceField("window", def.window, ["tumbling", "sliding"]),
    lengthMs,
    at: def.window === "tumbling" && def.aligned ? onTheClock(lengthMs, def.timeZone) : undefined,
    bridgeMs: durationField("bridge", def.bridge, 600_000),
    everyMs: durationField("every", def.every, 0),
  };
  const rollover =
    def.rollover === "" || def.rollover === undefined ? undefined : numberField("rollover", def.rollover, 1);
  const quality = choiceField("quality", def.quality, ["all", "good", "route"]);
  return { windows, leastShare: share, rollover, quality };
}

function onTheClock(lengthMs: number, timeZone: string) {
  try {
    return localWindows(lengthMs, timeZone || "Europe/Stockholm");
  } catch (error) {
    throw new SettingError("length", error instanceof Error ? error.message : String(error));
  }
}

function aggregationOf(def: AggregateDef): Aggregation {
  const kinds = ["mean", "min", "max", "sum", "count", "percentile", "energy", "increase", "rate"] as const;
  const kind = choiceField("function", def.function, kinds);
  if (kind === "rate") return { kind, perMs: perMs[choiceField("per", def.per, ["s", "min", "h"])] };
  if (kind !== "percentile") return { kind };
  const percent = numberField("percent", def.percent, 0);
  if (percent > 100) throw new SettingError("percent", "at most 100");
  return { kind, percent };
}

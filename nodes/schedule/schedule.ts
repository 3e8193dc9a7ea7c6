import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { ClientError } from "../client/client-error.ts";
import { clockOf } from "../clock.ts";
import { linkOf } from "../gateway/gateway-node.ts";
import { Wake } from "../logic/wake.ts";
import { awayStatus, failedStatus, goodStatus, StatusLine, valueText, warningStatus } from "../status.ts";
import { filledIn, gatewayPlace } from "./gateway-place.ts";
import { placeOf, rowOf, type WrittenPlace, type WrittenRow } from "./settings.ts";
import { type Due, openTimetable, type Timetable } from "./timetable.ts";

interface ScheduleDef extends NodeDef, WrittenPlace {
  gateway: string;
  rows: WrittenRow[];
  topic: string;
  atDeploy: boolean;
}

/** While the gateway does not answer, or does not trust its clock, it is asked again after this. */
const askAgainMs = 10_000;
/** A clock that goes back by more was set: what the wrong time set does not count, and what holds is sent. */
const setBackMs = 300_000;

/** Sends a value when its time has come. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function Schedule(this: Node, def: ScheduleDef): void {
    RED.nodes.createNode(this, def);
    const status = new StatusLine(this, clock);
    let closed = false;
    let timetable: Timetable | undefined;
    let zone = "";
    /** Moments up to here are done, Unix ms. */
    let doneTo = 0;

    const plan = (table: Timetable) => {
      const next = table.next(Math.max(doneTo, clock.now()));
      if (next) status.show(goodStatus(`${momentText(next.time, zone)} → ${valueText(next.row.value)}`));
      wake.in(next && next.time - clock.now());
    };
    const go = (table: Timetable) => {
      if (clock.now() < doneTo - setBackMs) doneTo = 0;
      // Of several that passed at once, as after a sleep, the last one is what holds.
      const due = table.holding(clock.now());
      if (due && due.time > doneTo) {
        doneTo = due.time;
        this.send(messageOf(def.topic, due));
      }
      plan(table);
    };
    const start = async () => {
      const client = linkOf(RED, def.gateway)?.client;
      const known = client && (await gatewayPlace(client));
      if (closed) return;
      if (known?.clockTrusted === false) {
        // A machine without a clock of its own may be years behind: lamps would follow a wrong sun.
        status.show(warningStatus("state.no-time"));
        return wake.in(askAgainMs);
      }
      const place = placeOf(filledIn(def, known));
      const table = await openTimetable(def.rows.map(rowOf), place, clock.now());
      if (closed) return;
      timetable = table;
      zone = place.timeZone;
      doneTo = clock.now();
      const holding = def.atDeploy ? table.holding(doneTo) : undefined;
      if (holding) this.send(messageOf(def.topic, holding));
      plan(table);
    };
    const tryStart = () => {
      start().catch((error: unknown) => {
        if (closed) return;
        if (error instanceof ClientError) {
          status.show(awayStatus);
          return wake.in(askAgainMs);
        }
        status.show(failedStatus("state.bad-setting"));
        this.error(error instanceof Error ? error.message : String(error));
      });
    };
    const wake = new Wake(clock, () => (timetable ? go(timetable) : tryStart()));

    this.on("input", (message, send, done) => {
      const holding = timetable?.holding(clock.now());
      if (holding) send({ ...message, ...messageOf(def.topic, holding) });
      done();
    });
    this.on("close", () => {
      closed = true;
      wake[Symbol.dispose]();
      status[Symbol.dispose]();
    });
    tryStart();
  }

  RED.nodes.registerType("stadsnod-schedule", Schedule);
}

function messageOf(topic: string, { time, row }: Due): NodeMessage {
  const schedule = { at: row.at, time: new Date(time).toISOString() };
  const message = { payload: row.value, schedule };
  return topic ? { ...message, topic } : message;
}

/** `fre 22:30`, as operators in Sweden write it. */
function momentText(unixMs: number, timeZone: string): string {
  const fields = { weekday: "short", hour: "2-digit", minute: "2-digit" } as const;
  return new Intl.DateTimeFormat("sv-SE", { timeZone, ...fields }).format(unixMs);
}

import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import type { ReadingJson } from "../../gateway/model/json.ts";
import { ClientError, codeOf, describeError } from "../client/client-error.ts";
import { matches } from "../client/filter.ts";
import type { GatewayLink } from "../client/gateway-link.ts";
import { type Clock, clockOf } from "../clock.ts";
import { linkOf } from "../gateway/gateway-node.ts";
import { ageOf, parseTopic, readingMessage } from "../message.ts";
import { failedStatus, goodStatus, noGatewayStatus, readingStatus, StatusLine } from "../status.ts";
import { readHistory } from "./history.ts";

export interface ReadDef extends NodeDef {
  readonly gateway: string;
  /** Empty: from `msg.topic`. */
  readonly device: string;
  readonly point: string;
  readonly what: "latest" | "history" | "poll";
  /** Of `history`: how far back, in minutes. */
  readonly minutes: number | string;
  readonly limit: number | string;
  /** Whether a single reading that is not good goes to the second output. */
  readonly quality: "all" | "route";
}

interface Target {
  readonly device: string;
  readonly point: string;
}

/** A slow gateway must not let messages pile up here. */
const mostInFlight = 20;
const pollMs = 60_000;

/** Asks a gateway when a message comes. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function Read(this: Node, def: ReadDef): void {
    RED.nodes.createNode(this, def);
    const link = linkOf(RED, def.gateway);
    const line = new StatusLine(this, clock);
    if (!link) line.show(noGatewayStatus);
    let inFlight = 0;
    this.on("input", (msg, send, done) => {
      if (!link) return done(new Error("no gateway is chosen"));
      if (inFlight >= mostInFlight) {
        line.show(failedStatus("status.busy"));
        return done(new Error(`${mostInFlight} questions are open already: this one was not asked`));
      }
      inFlight++;
      answer(def, msg, link, clock)
        .then(({ told, status, isBad }) => {
          line.show(status);
          send(isBad && def.quality === "route" ? [null, told] : [told]);
          done();
        })
        .catch((error: unknown) => {
          line.show(failedStatus(`failed.${codeOf(error)}`));
          done(new Error(describeError(error), { cause: error }));
        })
        .finally(() => {
          inFlight--;
        });
    });
    this.on("close", () => line[Symbol.dispose]());
  }

  RED.nodes.registerType("stadsnod-read", Read);
}

/** One reading as the reading node sends it; several as a list in `payload`. */
async function answer(def: ReadDef, msg: NodeMessage, link: GatewayLink, clock: Clock) {
  const target = targetOf(def, msg);
  if (def.what === "history") {
    oneDevice(target.device);
    const minutes = Number(def.minutes) || 60;
    const limit = Math.min(Math.max(1, Math.round(Number(def.limit)) || 1000), 5000);
    const options = { ...target, minutes, limit };
    const { readings, more } = await readHistory(options, msg, link.client, clock);
    const told = { ...msg, topic: topicOf(target), payload: readings, more };
    return { told, status: goodStatus(`${readings.length}`), isBad: false };
  }
  const isOne = !`${target.device}${target.point}`.includes("*");
  const found = await (def.what === "poll" ? poll(link, target) : latest(link, target, isOne));
  const [only] = found;
  if (!isOne || found.length > 1) {
    const told = { ...msg, topic: topicOf(target), payload: found };
    return { told, status: goodStatus(`${found.length}`), isBad: false };
  }
  if (!only)
    throw new ClientError("no-reading", `there is no reading of ${topicOf(target)} yet`, {
      hint: "is this its name, and does the device answer?",
    });
  const told = { ...msg, ...readingMessage(only, clock) };
  return { told, status: readingStatus(only, ageOf(only, clock)), isBad: only.quality !== "good" };
}

async function latest(link: GatewayLink, target: Target, isOne: boolean): Promise<readonly ReadingJson[]> {
  const query = isOne ? `?${new URLSearchParams({ device: target.device })}` : "";
  const readings = await link.client.get<readonly ReadingJson[]>(`/v1/latest${query}`);
  return readings.filter((one) => matches(target, one));
}

async function poll(link: GatewayLink, { device, point }: Target): Promise<readonly ReadingJson[]> {
  oneDevice(device);
  const points = point.includes("*") ? [] : [point];
  const readings = await link.client.post<readonly ReadingJson[]>("/v1/read", { device, points }, pollMs);
  return readings.filter((one) => matches({ device, point }, one));
}

function oneDevice(device: string): void {
  if (device.includes("*"))
    throw new ClientError("bad-message", "only one device can be polled, or its history read, at a time", {
      hint: "name it, or read the latest of all",
    });
}

function targetOf({ device, point }: ReadDef, { topic }: NodeMessage): Target {
  const named = parseTopic(topic);
  const target = { device: device || named?.device, point: point || named?.point };
  if (target.device && target.point) return { device: target.device, point: target.point };
  throw new ClientError("bad-message", "no device and point: choose them, or send msg.topic as device/point");
}

function topicOf({ device, point }: Target): string {
  return `${device}/${point}`;
}

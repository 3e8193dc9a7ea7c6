import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { unpack } from "../../simulators/senml.ts";
import type { Arrival, FarSide } from "../contract/northbound.contract.ts";
import { openMqtt } from "./open-mqtt.ts";

export interface RunningBroker {
  readonly url: string;
  stop(): Promise<void>;
}

export interface MqttFarSideOptions {
  /** Starts the broker, with nothing remembered; the second time at the same port as the first. */
  start(port: number): Promise<RunningBroker>;
  /** Settings of the northbound besides the url. */
  readonly settings?: Record<string, unknown>;
  /** What the watching client needs besides the url. */
  readonly watcher?: IClientOptions;
}

/** A broker with somebody who watches everything that comes. */
export async function openMqttFarSide(options: MqttFarSideOptions): Promise<FarSide> {
  const arrivals: Arrival[] = [];
  const facts = new Map<string, Buffer>();
  const answers: { device: string; body: string }[] = [];
  let waiters: { holds: () => boolean; resolve: () => void }[] = [];
  let broker = await options.start(0);
  let watcher = await watch();

  async function watch(): Promise<MqttClient> {
    const client = connect(broker.url, { reconnectPeriod: 0, ...options.watcher });
    client.on("message", (topic, payload) => {
      const [, , , kind, name = "", format = ""] = topic.split("/");
      if (kind === "telemetry" || kind === "backlog")
        arrivals.push({ lane: kind, audience: name, bytes: Buffer.from(unpack(format, payload)) });
      else if (kind === "result") answers.push({ device: name, body: payload.toString() });
      else if (kind !== "command") facts.set(topic.split("/").slice(3).join("/"), payload);
      const ready = waiters.filter(({ holds }) => holds());
      waiters = waiters.filter((waiter) => !ready.includes(waiter));
      for (const { resolve } of ready) resolve();
    });
    await client.subscribeAsync("stadsnod/#", { qos: 1 });
    return client;
  }

  return {
    arrivals,
    facts,
    answers,
    open: (context) => openMqtt({ url: broker.url, ...options.settings }, context),
    async command(device, body) {
      await watcher.publishAsync(`stadsnod/v1/gw1/command/${device}`, body, { qos: 1 });
    },
    until: (holds) =>
      holds() ? Promise.resolve() : new Promise((resolve) => waiters.push({ holds, resolve })),
    async stop() {
      await watcher.endAsync(true);
      await broker.stop();
      facts.clear();
    },
    async start() {
      broker = await options.start(Number(new URL(broker.url).port));
      watcher = await watch();
    },
    async [Symbol.asyncDispose]() {
      await watcher.endAsync(true);
      await broker.stop();
    },
  };
}

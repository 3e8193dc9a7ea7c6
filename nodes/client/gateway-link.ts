import type { ReadingJson } from "../../gateway/model/json.ts";
import type { Clock } from "../clock.ts";
import type { Address } from "./address.ts";
import type { ResultJson, StateJson } from "./answers.ts";
import { Catalog } from "./catalog.ts";
import { type Client, openClient } from "./client.ts";
import { type Filter, matches } from "./filter.ts";
import { LatestReadings } from "./latest-readings.ts";
import { SharedStream, type StreamReader } from "./shared-stream.ts";

/** What the nodes of one gateway share: its calls, and one stream of each kind. */
export class GatewayLink implements Disposable {
  readonly client: Client;
  readonly catalog: Catalog;
  readonly #readings: SharedStream<ReadingJson>;
  readonly #states: SharedStream<StateJson>;
  readonly #results: SharedStream<ResultJson>;

  constructor(address: Address, clock: Clock) {
    const client = openClient(address, clock);
    const latest = new LatestReadings();
    const states = new Map<string, StateJson>();
    this.client = client;
    this.catalog = new Catalog(client, clock);
    this.#readings = new SharedStream({
      client,
      clock,
      path: "/v1/readings",
      digest: (items) => items.filter((one) => latest.take(one)),
      known: () => latest.all(),
    });
    this.#states = new SharedStream({
      client,
      clock,
      path: "/v1/states",
      digest: (items) => items.filter((one) => isNews(states, one)),
      known: () => [...states.values()],
    });
    this.#results = new SharedStream({ client, clock, path: "/v1/results" });
  }

  /** Whether readings come now. */
  get isReading(): boolean {
    return this.#readings.isOpen;
  }

  /** Readings that a filter lets through: first the latest of each point, then each new one. */
  readings(filter: Filter, reader: StreamReader<ReadingJson>): Disposable {
    return this.#readings.join({
      ...reader,
      items: (items) => {
        const mine = items.filter((one) => matches(filter, one));
        if (mine.length > 0) reader.items(mine);
      },
    });
  }

  /** States of devices, connections and far sides: first as they are, then each change. */
  states(reader: StreamReader<StateJson>): Disposable {
    return this.#states.join(reader);
  }

  /** Words about commands, of all issuers, from now on. */
  results(reader: StreamReader<ResultJson>): Disposable {
    return this.#results.join(reader);
  }

  [Symbol.dispose](): void {
    for (const stream of [this.#readings, this.#states, this.#results]) stream[Symbol.dispose]();
    this.client[Symbol.dispose]();
  }
}

function isNews(known: Map<string, StateJson>, change: StateJson): boolean {
  const key = `${change.kind} ${change.id}`;
  const before = known.get(key);
  if (change.state === "gone") known.delete(key);
  else known.set(key, change);
  return before?.state !== change.state || before.problem !== change.problem;
}

import type { ReadingJson } from "../../gateway/model/json.ts";
import type { Clock } from "../clock.ts";
import type { DeviceJson, DeviceSummaryJson } from "./answers.ts";
import type { Client } from "./client.ts";

/** The devices of a gateway with their points, asked for again when they may have changed. */
export class Catalog {
  readonly #client: Client;
  readonly #clock: Clock;
  #loading: Promise<readonly DeviceJson[]> | undefined;
  #loadedAt = Number.NEGATIVE_INFINITY;
  /** Audience by `device/point`. */
  #audiences = new Map<string, string>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** @param freshMs how old it may be at most */
  async devices(freshMs = 10_000): Promise<readonly DeviceJson[]> {
    if (this.#loading && this.#clock.monotonic() - this.#loadedAt < freshMs) return this.#loading;
    this.#loadedAt = this.#clock.monotonic();
    const loading = this.#load();
    this.#loading = loading;
    try {
      return await loading;
    } catch (error) {
      if (this.#loading === loading) this.#loading = undefined;
      throw error;
    }
  }

  /** Who may read it; undefined for what is not in the catalogue yet, which is then asked for again. */
  audienceOf({ device, point }: ReadingJson): string | undefined {
    const known =
      this.#audiences.get(`${device}/${point}`) ?? this.#audiences.get(`${device}/${point.split("/", 1)}`);
    if (known === undefined) this.devices().catch(() => {});
    return known;
  }

  async #load(): Promise<readonly DeviceJson[]> {
    const list = await this.#client.get<readonly DeviceSummaryJson[]>("/v1/devices");
    const devices = await Promise.all(
      list.map(({ id }) => this.#client.get<DeviceJson>(`/v1/devices/${encodeURIComponent(id)}`)),
    );
    this.#audiences = new Map(
      devices.flatMap(({ id, points }) => points.map(({ name, audience }) => [`${id}/${name}`, audience])),
    );
    return devices;
  }
}

import * as z from "zod";
import type { GatewayConfig } from "../config/config.ts";
import { ConfigError } from "../model/errors.ts";

/** A broker that a gateway sends to, as far as documents about it need it. */
export interface Broker {
  /** Of the northbound in gateway.yaml. */
  readonly name: string;
  readonly url: string;
  /** `{root}/v1/{gateway}`. */
  readonly topics: string;
  /** Who the gateway is there. */
  readonly username?: string | undefined;
}

const settings = z.looseObject({ url: z.string(), root: z.string(), username: z.string().optional() });

/** The brokers of a configuration, in its order. */
export function brokersOf({ gateway, northbound }: GatewayConfig): readonly Broker[] {
  return Array.from(northbound.values()).flatMap(({ name, settings: written }) => {
    const { data } = settings.safeParse(written);
    if (!data) return [];
    return [{ name, url: data.url, topics: `${data.root}/v1/${gateway.id}`, username: data.username }];
  });
}

/** The one that is meant. Throws ConfigError when it is not there or several could be. */
export function oneBroker(config: GatewayConfig, wanted: string | undefined): Broker {
  const brokers = brokersOf(config);
  const found = wanted === undefined ? brokers : brokers.filter(({ name }) => name === wanted);
  const [only] = found;
  if (only && found.length === 1) return only;
  const names = brokers.map(({ name }) => name).join(", ");
  throw new ConfigError(wanted === undefined ? "which northbound?" : `no broker ${wanted}`, {
    code: "unknown-northbound",
    hint: names === "" ? "this configuration has no broker" : `--northbound is one of ${names}`,
  });
}

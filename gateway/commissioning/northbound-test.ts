import type { CheckDone } from "../model/commissioning.ts";
import { ConfigError } from "../model/errors.ts";
import { brokerAddress } from "../transport/mqtt/settings.ts";
import {
  BrokerTest,
  type BrokerTestContext,
  type Layer,
  layers,
  type NorthboundFacts,
} from "./broker/broker-test.ts";
import type { DoctorContext, Step } from "./doctor/doctor.ts";
import { checkFailed, notApplicable, type Said, said } from "./words.ts";

export type { BrokerTestContext, NorthboundFacts, NorthboundLimits } from "./broker/broker-test.ts";

/**
 * Looks at the way to one broker, layer by layer, and says what each did. It comes with a client id of its own, so
 * that the broker keeps the running session of the gateway; its one message is empty and not kept. Rejects with the
 * signal's reason alone.
 */
export async function* testBroker(
  facts: NorthboundFacts,
  context: BrokerTestContext,
  signal: AbortSignal,
): AsyncGenerator<CheckDone> {
  const address = brokerAddress(facts.settings.url);
  if (!address) {
    yield checkFailed(
      "broker-name",
      said(
        `"${facts.settings.url}" is no broker's address.`,
        `"${facts.settings.url}" är ingen adress till en broker.`,
      ),
      said("Write url: mqtts://host:8883", "Skriv url: mqtts://värd:8883"),
      facts.name,
    );
    return;
  }
  const test = new BrokerTest(facts, address, context);
  const steps: readonly [Layer, (signal: AbortSignal) => Promise<readonly CheckDone[]>][] = [
    ["broker-name", (inner) => test.name(inner)],
    ["broker-tcp", (inner) => test.tcp(inner)],
    ["broker-tls", (inner) => test.tls(inner)],
    ["broker-mqtt", (inner) => test.mqtt(inner)],
    ["broker-subscribe", (inner) => test.subscribe(inner)],
    ["broker-publish", (inner) => test.publish(inner)],
  ];
  let below: Layer | undefined;
  try {
    for (const [layer, look] of steps) {
      signal.throwIfAborted();
      if (below !== undefined) {
        yield notApplicable(layer, notReached(below), facts.name);
        continue;
      }
      const found = await test.orFailed(layer, signal, look);
      yield* found;
      // Rights do not stand on one another; everything else does.
      if (layer === "broker-subscribe" || layer === "broker-publish") continue;
      if (found.some(({ result }) => result === "failed")) below = layer;
    }
  } finally {
    await test.end();
  }
}

/** One far side, as a job: `{northbound}`. Rejects with ConfigError (`bad-job`) when it is not in gateway.yaml. */
export async function* northboundTestJob(
  input: { readonly northbound: string },
  context: DoctorContext,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const known = (await context.facts()).northbound;
  const northbound = known.find(({ name }) => name === input.northbound);
  if (!northbound)
    throw new ConfigError(`gateway.yaml has no northbound ${input.northbound}`, {
      code: "bad-job",
      hint: known.length === 0 ? "it has none" : `it has ${known.map(({ name }) => name).join(", ")}`,
    });
  const done = new Set<string>();
  const progress = (doing: Said): Step => ({ progress: { done: done.size, total: layers.length, doing } });
  yield progress(said(`Asking the broker ${northbound.name}`, `Frågar brokern ${northbound.name}`));
  for await (const finding of testBroker(northbound, context, signal)) {
    yield { finding };
    if (layers.some((layer) => layer === finding.id)) done.add(finding.id);
    yield progress(said(`Asking the broker ${northbound.name}`, `Frågar brokern ${northbound.name}`));
  }
}

function notReached(below: Layer): Said {
  const names: Readonly<Record<Layer, Said>> = {
    "broker-name": said("the name is not known", "namnet är inte känt"),
    "broker-tcp": said("nobody was reached", "ingen nåddes"),
    "broker-tls": said("TLS failed", "TLS misslyckades"),
    "broker-mqtt": said("the broker did not let us in", "brokern släppte inte in oss"),
    "broker-subscribe": said("", ""),
    "broker-publish": said("", ""),
  };
  const { en, sv } = names[below];
  return said(`Not looked at: ${en}.`, `Inte undersökt: ${sv}.`);
}

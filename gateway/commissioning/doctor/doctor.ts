import type { Clock, Random } from "../../model/clock.ts";
import type { CheckDone, Finding } from "../../model/commissioning.ts";
import type { JobProgress } from "../../model/job.ts";
import { type NorthboundLimits, testBroker } from "../northbound-test.ts";
import { lookAtPorts } from "../ports.ts";
import { gatewayUser, type System } from "../system.ts";
import { checkWarning, said } from "../words.ts";
import { checks } from "./checks.ts";
import type { Check, GatewayFacts, Look } from "./look.ts";

export type { ConfigurationFacts, GatewayFacts } from "./look.ts";

/** As part of a job that somebody watches. */
export interface Step {
  readonly progress?: JobProgress | undefined;
  readonly finding?: Finding | undefined;
}

export interface DoctorContext {
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
  /** Read anew for every examination. */
  readonly facts: () => Promise<GatewayFacts>;
  readonly limits?: Partial<NorthboundLimits> | undefined;
}

/** A check that hangs must not keep the others from being made, ms. */
const checkMs = 20_000;

/**
 * Everything that the doctor looks at: the machine, what gateway.yaml needs of it, and each broker layer by layer.
 * Changes nothing. Rejects with the signal's reason alone.
 */
export async function* doctorJob(
  _input: unknown,
  context: DoctorContext,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const { system, clock } = context;
  const facts = await context.facts();
  const user = await gatewayUser(system);
  const ports = await lookAtPorts(system, facts.ports, user);
  const look: Look = { system, clock, facts, user, ports };
  const total = checks.length + facts.northbound.length;
  let done = 0;
  for (const check of checks) {
    signal.throwIfAborted();
    yield { progress: { done, total, doing: check.doing } };
    for (const finding of await orTooLate(check, look, signal)) yield { finding };
    done++;
  }
  for (const northbound of facts.northbound) {
    signal.throwIfAborted();
    const { name } = northbound;
    yield {
      progress: { done, total, doing: said(`Asking the broker ${name}`, `Frågar brokern ${name}`) },
    };
    for await (const finding of testBroker(northbound, context, signal)) yield { finding };
    done++;
  }
  yield { progress: { done, total, doing: said("Done", "Klart") } };
}

async function orTooLate(check: Check, look: Look, signal: AbortSignal): Promise<readonly CheckDone[]> {
  const ended = new AbortController();
  try {
    return await Promise.race([
      check.look(look),
      look.clock.sleep(checkMs, AbortSignal.any([signal, ended.signal])).then(() => [tooLate(check)]),
    ]);
  } finally {
    ended.abort();
  }
}

function tooLate({ id, doing }: Check): CheckDone {
  return checkWarning(
    id,
    said(
      `${doing.en} took longer than ${checkMs / 1000} s and was given up.`,
      `${doing.sv} tog längre tid än ${checkMs / 1000} s och avbröts.`,
    ),
    said(
      "A disk or a service of this machine hangs: journalctl -b -p warning",
      "En disk eller tjänst på maskinen hänger: journalctl -b -p warning",
    ),
  );
}

import type { Command } from "commander";
import { httpsExchange } from "../../enrolment/exchange.ts";
import { type BootStep, firstBoot } from "../../enrolment/first-boot.ts";
import type { Provision } from "../../enrolment/provision.ts";
import { GatewayError } from "../../model/errors.ts";
import { buildTime } from "../../model/version.ts";
import { openClock } from "../../store/clock.ts";
import { type CliContext, ExitError, exit, explainError, inFolder } from "../context.ts";
import { command } from "../daemon.ts";
import { hostOf } from "./host.ts";
import { cardAt, configOption, provisionOption, stateOption } from "./places.ts";

interface Options {
  readonly provision: string;
  readonly state: string;
  readonly config: string;
  readonly once?: boolean;
  readonly onlyConfiguration?: boolean;
  readonly json?: boolean;
}

/** Between two tries to get a configuration that lies elsewhere: up to this, ms. */
const pauseMs = 60_000;

export function firstBootCommand(context: CliContext): Command {
  return command(
    "first-boot",
    "take over what the card brings: key, host name, time zone, network, configuration",
    ["stadsnod first-boot", "stadsnod first-boot --provision provision.json --state data --config . --json"],
  )
    .addOption(provisionOption())
    .addOption(stateOption())
    .addOption(configOption())
    .option(
      "--once",
      "do not wait for the network where the configuration lies elsewhere; the next start tries again",
    )
    .option("--only-configuration", "leave key, host name, time zone and network as they are")
    .option("--json", "the steps as JSON")
    .action(async (options: Options) => {
      const { signal } = context;
      using clock = openClock({ trust: "auto", floor: buildTime });
      const { provision, problem } = await readCard(inFolder(context, options.provision));
      const host = hostOf({
        context,
        state: inFolder(context, options.state),
        config: inFolder(context, options.config),
        gateway: provision?.gateway,
        authorities: provision?.enrolment?.ca,
        exchange: httpsExchange(clock),
      });
      const only = options.onlyConfiguration ? "configuration" : undefined;
      const steps = await firstBoot(provision, host, isKnown, signal, only);
      show(context, steps, options.json);
      if (problem) context.err(`${explainError(problem)}\n`);
      let failed = steps.filter(({ done }) => done === "failed");
      while (!options.once && failed.some(isAway)) {
        await clock.sleep((0.5 + Math.random() / 2) * pauseMs, signal);
        const again = await firstBoot(provision, host, isKnown, signal, only);
        failed = again.filter(({ done }) => done === "failed");
        if (!failed.some(isAway)) show(context, again, options.json);
      }
      // What waits for the network is no failure of a start that does not wait.
      if (problem || failed.some((step) => !isAway(step))) throw new ExitError(exit.failed);
    });
}

/** A card that cannot be used must not keep the gateway from its key. */
async function readCard(
  path: string,
): Promise<{ provision?: Provision | undefined; problem?: GatewayError }> {
  try {
    return { provision: await cardAt(path).read() };
  } catch (problem) {
    if (!(problem instanceof GatewayError)) throw problem;
    return { problem };
  }
}

function isAway({ why }: BootStep): boolean {
  return why?.code === "est-unreachable" || why?.code === "est-time";
}

function isKnown(error: unknown): error is GatewayError {
  return error instanceof GatewayError;
}

function show(context: CliContext, steps: readonly BootStep[], json: boolean | undefined): void {
  if (json) {
    context.out(`${JSON.stringify(steps)}\n`);
    return;
  }
  for (const { step, done, why } of steps) {
    context.out(`first boot: ${step}: ${done}\n`);
    if (why) context.out(`  ${why.message} [${why.code}]${why.hint ? `\n  hint: ${why.hint}` : ""}\n`);
  }
}

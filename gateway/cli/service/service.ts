import { noteNorthboundTests } from "../../commissioning/acceptance/northbound-tests.ts";
import { type JobKinds, Jobs } from "../../commissioning/jobs.ts";
import type { MachineSource } from "../../commissioning/machine.ts";
import type { Gateway } from "../../gateway.ts";
import type { LocalService, MachineFacts } from "../../local/commissioning.ts";
import type { GatewayStatus } from "../../local/surface.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import { readEnrolment } from "../enrolment/told.ts";
import { AlarmWatch } from "./alarm-watch.ts";
import { machineSource } from "./machine-source.ts";
import { ProfileLists } from "./profiles.ts";

export interface ServiceOptions {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly status: () => GatewayStatus;
  /** Kinds of jobs that there are; others are refused. */
  readonly kinds?: JobKinds | undefined;
  /** Told what each test of a far side found. */
  readonly northboundTested?: ((northbound: string, ok: boolean) => Promise<void>) | undefined;
  /** The real one unless given. */
  readonly machine?: MachineSource | undefined;
  /** Parts of others: `ports`, `configuration`, `commissioning`. What is absent is answered with 404. */
  readonly parts?:
    | Partial<Pick<LocalService, "ports" | "configuration" | "commissioning" | "updates">>
    | undefined;
  /** The image's slots, where somebody knows them. */
  readonly image?: (() => MachineFacts["image"]) | undefined;
}

export interface RunningService extends AsyncDisposable {
  readonly service: Partial<LocalService>;
  readonly jobs: Jobs;
}

/** What puts a gateway into service and keeps it there, put together. To be disposed before the gateway: jobs have its lines. */
export function openService({
  gateway,
  log,
  status,
  kinds = {},
  northboundTested,
  machine = machineSource,
  parts = {},
  image,
}: ServiceOptions): RunningService {
  const { clock, frames } = gateway;
  const jobs = new Jobs({
    kinds: northboundTested ? noteNorthboundTests(kinds, northboundTested) : kinds,
    clock,
    log,
  });
  const profiles = new ProfileLists(() => gateway.config.profiles);
  const watch = new AlarmWatch({ gateway, status, machine, folder: gateway.config.storage.folder });
  return {
    jobs,
    service: {
      ...parts,
      jobs,
      profiles: (known) => profiles.list(known),
      machine: async () => ({ ...(await watch.machine()), image: image?.() }),
      alarms: () => watch.alarms(),
      enrolment: () => readEnrolment(machine),
      frames(connection, signal) {
        if (!gateway.config.connections.has(connection))
          throw new ConfigError(`no connection ${connection}`, {
            code: "unknown-connection",
            hint: `there are ${[...gateway.config.connections.keys()].join(", ")}`,
          });
        return frames.listen(connection, signal);
      },
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      await jobs[Symbol.asyncDispose]();
    },
  };
}

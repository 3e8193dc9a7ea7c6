import type { Clock } from "../../model/clock.ts";
import type { CheckDone } from "../../model/commissioning.ts";
import type { NorthboundFacts } from "../northbound-test.ts";
import type { ConfiguredPort, PortLook } from "../ports.ts";
import type { GatewayUser, System } from "../system.ts";
import type { Said } from "../words.ts";

/** What gateway.yaml says, as far as it can be read. Everything may be missing: the doctor comes before the gateway. */
export interface GatewayFacts {
  readonly configuration?: ConfigurationFacts | undefined;
  readonly ports: readonly ConfiguredPort[];
  /** Absolute. */
  readonly storageFolder?: string | undefined;
  /** Absolute path of the Unix socket. */
  readonly socket?: string | undefined;
  readonly northbound: readonly NorthboundFacts[];
  /** Unix ms: no clock that is right says less. */
  readonly buildTime: number;
}

export interface ConfigurationFacts {
  /** Absolute. */
  readonly file: string;
  /** Why it cannot be read; then nothing else is known. */
  readonly unreadable?: string | undefined;
  /** The first error in it, for people. */
  readonly error?: string | undefined;
  /** How many secrets stand in it in plain text. */
  readonly plainSecrets: number;
  /** Absolute paths of files that it takes secrets and private keys from. */
  readonly secretFiles: readonly string[];
}

/** What every check is given. */
export interface Look {
  readonly system: System;
  readonly clock: Clock;
  readonly facts: GatewayFacts;
  readonly user: GatewayUser;
  readonly ports: readonly PortLook[];
}

/** One look of the doctor: changes nothing, never rejects for what it finds. */
export interface Check {
  /** Unique; its findings may carry ids of their own. */
  readonly id: string;
  readonly doing: Said;
  look(look: Look): Promise<readonly CheckDone[]>;
}

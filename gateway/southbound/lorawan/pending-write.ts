import { RefusedError } from "../../model/errors.ts";
import type { PendingWrite } from "../protocol.ts";
import type { DownlinkHandle, DownlinkState } from "./downlinks.ts";

/**
 * A downlink as a write that a slow far side has taken over. Waiting for a class A device's next uplink
 * is `queued`. An unconfirmed downlink ends with `sent`, which is on the air and no delivery; a
 * confirmed one with the device's own acknowledgement.
 */
export function pendingWrite(handle: DownlinkHandle, takeBack: () => Promise<void>): PendingWrite {
  return {
    async *stages() {
      for await (const { stage, reason, takenBack } of handle.states()) {
        if (stage === "expired")
          throw new RefusedError(reason ?? "it was not sent in time", { code: "expired" });
        if (stage === "failed")
          throw new RefusedError(reason ?? "the network server gave it up", {
            code: takenBack ? "taken-back" : "not-delivered",
          });
        yield stage;
      }
    },
    takeBack,
  };
}

/** Whether it can still be taken from the server's queue. */
export function waits({ stage, ended }: DownlinkState): boolean {
  return stage === "queued" && !ended;
}

import { ConfigError, TransientError } from "../model/errors.ts";
import { type DeviceStates, wrongDevice } from "./device-states.ts";
import type { Line } from "./line.ts";
import type { PolledDevice } from "./polled-device.ts";
import type { WriteTurn } from "./write-turn.ts";

/**
 * Asks who is there, in a turn that has begun, where that is not known or may have changed while the
 * device was silent: nothing is written to another model. Rejects with ConfigError `wrong-device`,
 * TransientError `no-answer` or LinkError.
 */
export async function askWho(
  turn: WriteTurn,
  state: PolledDevice,
  line: Line,
  states: DeviceStates,
): Promise<void> {
  const { identity, device } = state;
  const wasSilent = line.breakers.state(device.id) !== "closed";
  if (identity.points.length === 0 || (identity.phase === "known" && !wasSilent)) return;
  if (identity.phase !== "wrong") {
    const asked = identity.points.filter((point) => !state.heard.has(point));
    const results = asked.length > 0 ? await turn.ask(asked) : [];
    const told = results.filter((result) => !("problem" in result && result.problem === "comm-error"));
    if (identity.phase !== "known" && told.length > 0) states.identify(state, told);
  }
  if (identity.mismatch !== undefined) throw new ConfigError(identity.mismatch, { code: wrongDevice });
  if (identity.phase === "known" && (!wasSilent || line.breakers.state(device.id) === "closed")) return;
  throw new TransientError("the device does not say who it is", {
    code: "no-answer",
    hint: "check its wiring and power; nothing was written",
  });
}

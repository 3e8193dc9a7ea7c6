import { decodeBody, encodeBody } from "../../local/schemas.ts";
import type { LocalPayloads } from "../../local/surface.ts";
import { openSandbox } from "../../sandbox/sandbox.ts";
import { openClock } from "../../store/clock.ts";
import { localPayloads } from "../payloads.ts";
import type { PayloadAnswer, PayloadAsked } from "./messages.ts";

/** Payloads by the profiles of some folders, as a gateway with them would read them. */
export function openPayloads(profiles: readonly string[]): LocalPayloads & AsyncDisposable {
  const clock = openClock({ trust: "always", floor: 0 });
  const sandbox = openSandbox({ clock });
  return {
    ...localPayloads({ clock, config: { profiles } }, sandbox),
    async [Symbol.asyncDispose]() {
      await sandbox[Symbol.asyncDispose]();
      clock[Symbol.dispose]();
    },
  };
}

/** Never rejects. */
export async function answerPayload(
  payloads: LocalPayloads,
  { id, route, body }: PayloadAsked,
): Promise<PayloadAnswer> {
  try {
    if (route === "POST /v1/encode")
      return { kind: "payload", id, answer: { frames: await payloads.encode(encodeBody.parse(body)) } };
    const { payload, ...rest } = decodeBody.parse(body);
    const bytes = Buffer.from(payload.replaceAll(/\s/g, ""), "hex");
    return { kind: "payload", id, answer: { readings: await payloads.decode({ ...rest, payload: bytes }) } };
  } catch (error) {
    const code: unknown = Reflect.get(Object(error), "code");
    const message = error instanceof Error ? error.message : String(error);
    return {
      kind: "payload",
      id,
      problem: { code: typeof code === "string" ? code : "bad-request", message },
    };
  }
}

import type { Clock } from "../../model/clock.ts";
import { ConfigError } from "../../model/errors.ts";
import { credentialsMark, loadCredentials } from "../../transport/mqtt/socket.ts";
import type { MqttSettings } from "./settings.ts";

/** So often somebody looks whether the gateway's certificate was renewed. */
const lookMs = 45_000;

/**
 * Calls back once when the PEM files have changed and can be used; until then the connection stays as it is.
 *
 * @param mark the files' mark when they were read; undefined without TLS, when there is nothing to watch
 */
export function watchCredentials(
  settings: MqttSettings,
  mark: string | undefined,
  clock: Clock,
  renewed: () => void,
): Disposable | undefined {
  if (mark === undefined) return undefined;
  let timer: Disposable;
  const look = (): void => {
    const now = credentialsMark(settings);
    if (now !== undefined && now !== mark && canBeUsed(settings)) renewed();
    else timer = clock.timer(lookMs, look);
  };
  timer = clock.timer(lookMs, look);
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

function canBeUsed(settings: MqttSettings): boolean {
  try {
    loadCredentials(settings);
    return true;
  } catch (error) {
    // Half of a change, such as the certificate before its key: looked at again.
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

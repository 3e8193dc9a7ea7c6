import { execFile } from "node:child_process";
import { fstatSync, writeSync } from "node:fs";

/** Variables for the service manager, as in sd_notify(3). */
export type Message = Readonly<Record<string, string>>;

/** Tells the service manager; never throws and never waits. In the order of the calls. */
export type Notify = (message: Message) => void;

export interface Ways {
  /** One datagram on a socket that is connected. Throws the system's error. */
  write(fd: number, text: string): void;
  isSocket(fd: number): boolean;
  /** Runs `systemd-notify`; resolves when the service manager has taken it, rejects when it has not. */
  run(assignments: readonly string[]): Promise<void>;
}

/**
 * How to tell the service manager; undefined where none listens. Node.js has no Unix datagram sockets, so
 * there are two ways. Where the unit has `OpenFile=/run/systemd/notify:notify` (systemd 253 or later), the service
 * manager hands over its own socket, connected: a message is one write, from this very process. Elsewhere, and when
 * that socket fails, `systemd-notify` is started, which needs `NotifyAccess=all`.
 * @param failed told when a message could not be delivered at all
 */
export function openNotify(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
  failed: (error: unknown) => void,
  ways: Ways = systemWays(env),
): Notify | undefined {
  if (!env.NOTIFY_SOCKET) return undefined;
  const fd = handedOver(env, pid);
  const socket = fd !== undefined && ways.isSocket(fd) ? fd : undefined;
  let last: Promise<void> = Promise.resolve();
  let waiting: Record<string, string> | undefined;
  const run = (message: Message) => {
    // While one is on its way the next ones gather: what is said twice counts as it was said last.
    if (waiting) {
      for (const [name, value] of Object.entries(message)) {
        // Of READY and RELOADING in one message the last one counts.
        delete waiting[name];
        waiting[name] = value;
      }
      return;
    }
    const gathered = { ...message };
    waiting = gathered;
    last = last.then(async () => {
      waiting = undefined;
      await ways.run(assignmentsOf(gathered)).catch(failed);
    });
  };
  return (message) => {
    if (socket !== undefined) {
      try {
        ways.write(socket, assignmentsOf(message).join("\n"));
        return;
      } catch {
        // Said by the other way, below.
      }
    }
    run(message);
  };
}

/** The file descriptor that the unit calls `notify`: sd_listen_fds_with_names(3). */
function handedOver(env: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  if (Number(env.LISTEN_PID) !== pid) return undefined;
  const index = (env.LISTEN_FDNAMES ?? "").split(":").indexOf("notify");
  return index >= 0 && index < Number(env.LISTEN_FDS) ? 3 + index : undefined;
}

/** A value ends with its line. */
function assignmentsOf(message: Message): string[] {
  return Object.entries(message).map(([name, value]) => `${name}=${value.replaceAll(/[\r\n]+/g, " ")}`);
}

function systemWays(env: Readonly<Record<string, string | undefined>>): Ways {
  return {
    write: (fd, text) => void writeSync(fd, text),
    isSocket(fd) {
      try {
        return fstatSync(fd).isSocket();
      } catch {
        return false;
      }
    },
    run: (assignments) =>
      new Promise((resolve, reject) => {
        const { NOTIFY_SOCKET, PATH = "/usr/bin:/bin" } = env;
        execFile(
          "systemd-notify",
          [...assignments],
          { env: { NOTIFY_SOCKET, PATH }, timeout: 10_000, killSignal: "SIGKILL" },
          (error) => (error ? reject(error) : resolve()),
        );
      }),
  };
}

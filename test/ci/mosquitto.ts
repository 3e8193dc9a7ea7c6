import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunningBroker } from "../mqtt/far-side.ts";

const program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/opt/homebrew/sbin/mosquitto"].find(
  existsSync,
);

export interface MosquittoOptions {
  /** 0: any free one. */
  readonly port: number;
  /** Lines of mosquitto.conf besides the listener; `FOLDER` stands for the folder of `files`. */
  readonly config?: readonly string[];
  /** Files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly tls?: boolean;
  /** Folder that keeps messages and sessions over a planned end (`end`). */
  readonly memory?: string;
}

export interface Mosquitto extends RunningBroker {
  readonly log: string[];
  readonly pid: number;
  /** A planned end, as systemd does it. `stop` is a crash. */
  end(): Promise<void>;
}

/** A real mosquitto of its own, ready. Throws when it is not installed: `apt-get install mosquitto`. */
export async function startMosquitto(options: MosquittoOptions): Promise<Mosquitto> {
  if (!program) throw new Error("mosquitto is missing: apt-get install mosquitto");
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-mosquitto-"));
  const port = options.port || (await freePort());
  for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(folder, name), text);
  const config = [
    `listener ${port} 127.0.0.1`,
    ...(options.memory
      ? ["persistence true", `persistence_location ${options.memory}/`]
      : ["persistence false"]),
    "max_queued_messages 0",
    "log_dest stderr",
    ...(options.config ?? ["allow_anonymous true"]),
    // As root it would change to a user that may not read the files.
    ...(process.getuid?.() === 0 ? ["user root"] : []),
  ];
  writeFileSync(join(folder, "mosquitto.conf"), `${config.join("\n").replaceAll("FOLDER", folder)}\n`);
  const child = spawn(program, ["-c", join(folder, "mosquitto.conf"), "-v"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log: string[] = [];
  await ready(child, log);
  const end = async (signal: "SIGKILL" | "SIGTERM") => {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await exited;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    url: options.tls ? `mqtts://localhost:${port}` : `mqtt://127.0.0.1:${port}`,
    log,
    pid: child.pid ?? 0,
    stop: () => end("SIGKILL"),
    end: () => end("SIGTERM"),
  };
}

function ready(child: ChildProcess, log: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log.push(...text.split("\n").filter(Boolean));
      if (/mosquitto version .* running/.test(text)) resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`mosquitto ended with ${code}:\n${log.join("\n")}`)));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

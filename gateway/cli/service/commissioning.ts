import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type AcceptanceBook, openAcceptanceBook } from "../../commissioning/acceptance/book.ts";
import { type ReportContents, signReport, verifyReport } from "../../commissioning/acceptance/report.ts";
import {
  checkableNames,
  fingerprintOf,
  judgeDevice,
  missingFor,
  plainSettings,
} from "../../commissioning/acceptance/verdicts.ts";
import type { Configuration } from "../../config/configuration.ts";
import { addDevice, removeDevice } from "../../config/new-device.ts";
import type { Gateway } from "../../gateway.ts";
import type { CommissioningState, LocalCommissioning, NewDevice } from "../../local/commissioning.ts";
import type { DeviceCheck, DeviceVerdict } from "../../model/acceptance.ts";
import type { Command, CommandOrigin, CommandResult } from "../../model/command.ts";
import type { Device } from "../../model/device.ts";
import { ConfigError, RefusedError, StorageError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import { version } from "../../model/version.ts";
import { openFolderDisk, privateFiles } from "../../store/folder-disk.ts";
import { openIdentityKey } from "../../store/identity-key.ts";
import { keysOf, refuseOtherFile } from "./lines.ts";

/** Test commands whose last word is waited for at once. */
const maxTests = 64;

export interface CommissioningOptions {
  readonly gateway: Gateway;
  readonly configuration: Configuration;
  readonly log: Log;
  /** For the report; undefined where nobody looks at it. */
  readonly machine?: (() => Promise<object>) | undefined;
}

/** A running gateway while it is put into service. */
export class Commissioning implements LocalCommissioning, AsyncDisposable {
  readonly #options: CommissioningOptions;
  readonly #gateway: Gateway;
  readonly #closing = new AbortController();
  readonly #tests = new Set<Promise<void>>();
  #book: Promise<AcceptanceBook> | undefined;

  constructor(options: CommissioningOptions) {
    this.#options = options;
    this.#gateway = options.gateway;
  }

  async state(): Promise<CommissioningState> {
    const book = await this.#opened();
    const devices = this.#judge(book);
    const northbound = this.#northbound(book);
    return { devices, northbound, missing: missingFor(devices, northbound), reports: book.reports };
  }

  async add(device: NewDevice, by: string): Promise<{ readonly changes: readonly string[] }> {
    const port: unknown = Reflect.get(Object(device.connectionSettings?.serial), "port");
    if (typeof port === "string") refuseOtherFile(port, "bad-configuration");
    const { changes } = await this.#options.configuration.edit(
      (text) => addDevice(text, device),
      by,
      `added device ${device.id}`,
    );
    return { changes };
  }

  async remove(device: string, by: string): Promise<{ readonly changes: readonly string[] }> {
    const { changes } = await this.#options.configuration.edit(
      (text) => removeDevice(text, device),
      by,
      `removed device ${device}`,
    );
    await (await this.#opened()).forget(device);
    return { changes };
  }

  async check({ device: id, point, result, note }: DeviceCheck, by: string): Promise<void> {
    const device = this.#device(id);
    if (!checkableNames(device).includes(point))
      throw new ConfigError(`${id} has no point ${point}`, { code: "unknown-point" });
    const seen = { result, by, at: this.#now(), ...(note === undefined ? {} : { note }) };
    await (await this.#opened()).see(id, fingerprintOf(device), point, seen);
  }

  async acceptedBy(id: string): Promise<string | undefined> {
    const device = this.#gateway.config.devices.find((one) => one.id === id);
    return device && (await this.#opened()).acceptedBy(id, fingerprintOf(device));
  }

  async test(command: Command, origin: CommandOrigin): Promise<CommandResult> {
    const device = this.#device(command.device);
    const book = await this.#opened();
    const print = fingerprintOf(device);
    if (book.acceptedBy(device.id, print) || this.#hasAcceptedTwin(book, device))
      throw new RefusedError(`${device.id} has been accepted: operators command it now`, {
        code: "accepted",
        hint: "POST /v1/commands, as an operator",
      });
    const { desk } = this.#gateway.control;
    if (!desk) throw new StorageError("this gateway takes no commands", { code: "no-commands" });
    if (this.#tests.size >= maxTests)
      throw new RefusedError("too many tests are under way", { code: "busy", hint: "wait for some to end" });
    const result = await desk.submit(command, origin);
    if (command.action === "write") this.#watch(book, print, result, command.issuer);
    return result;
  }

  /** What a test of a far side found. */
  async northboundTested(name: string, ok: boolean): Promise<void> {
    await (await this.#opened()).northboundTested(name, ok, this.#now());
  }

  async accept(
    by: string,
    what: { readonly technician: string; readonly note?: string; readonly despite?: string },
  ): Promise<{ readonly id: string }> {
    const book = await this.#opened();
    const { clock, config, run } = this.#gateway;
    const verdicts = this.#judge(book);
    const northbound = this.#northbound(book);
    const missing = missingFor(verdicts, northbound);
    if (missing.length > 0 && what.despite === undefined)
      throw new RefusedError(`${missing.length} things are missing before this gateway can be accepted`, {
        code: "not-ready",
        hint: "GET /v1/commissioning names them; `despite` says why it is accepted all the same",
      });
    const time = this.#now();
    const id = `${time.slice(0, 10)}-${randomBytes(4).toString("hex")}`;
    const prints = new Map(config.devices.map((device) => [device.id, fingerprintOf(device)]));
    const contents: ReportContents = {
      id,
      time,
      clockTrusted: clock.trusted,
      gateway: {
        id: config.gateway.id,
        title: config.gateway.title,
        position: config.gateway.position,
        run,
        version,
      },
      machine: await this.#options.machine?.(),
      configuration: await this.#options.configuration.state(),
      technician: what.technician,
      by,
      note: what.note,
      despite: missing.length > 0 ? what.despite : undefined,
      ok: missing.length === 0,
      missing,
      connections: Array.from(config.connections.values(), ({ name, protocol, settings }) => ({
        name,
        protocol: protocol.name,
        settings: plainSettings(settings),
      })),
      devices: verdicts.map((verdict, index) => reported(verdict, config.devices[index]!)),
      northbound,
    };
    const disk = await openFolderDisk(join(config.storage.folder, "identity"), privateFiles);
    const jws = signReport(contents, await openIdentityKey(disk));
    await book.accept({ id, at: time, by: what.technician, ok: contents.ok }, jws, prints);
    return { id };
  }

  async report(id: string, as: "json" | "html", language: "en" | "sv" = "en"): Promise<string> {
    const text = `${JSON.stringify(await (await this.#opened()).report(id))}\n`;
    if (as === "json") return text;
    const { reportHtml } = await import("../../commissioning/acceptance/report-html.ts");
    return reportHtml(verifyReport(text), language);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the gateway stops"));
    await Promise.all(this.#tests);
  }

  #judge(book: AcceptanceBook): DeviceVerdict[] {
    const { config, pipeline, clock } = this.#gateway;
    return config.devices.map((device) => {
      const print = fingerprintOf(device);
      const readings = pipeline.latest.list({ devices: [device.id] });
      const verdict = judgeDevice(device, readings, clock, book.marks(device.id, print));
      return { ...verdict, accepted: book.acceptedBy(device.id, print) };
    });
  }

  #northbound(book: AcceptanceBook) {
    return Array.from(this.#gateway.config.northbound.keys(), (name) => book.northbound(name));
  }

  /** Whether it is an accepted device by another name, as on a second connection to the same line. */
  #hasAcceptedTwin(book: AcceptanceBook, device: Device): boolean {
    const { connections, devices } = this.#gateway.config;
    const placesOf = ({ connection: name }: Device) => {
      const connection = connections.get(name);
      return connection ? keysOf(connection) : [];
    };
    const places = new Set(placesOf(device));
    const settings = plainSettings(device.settings);
    return devices.some(
      (other) =>
        other.id !== device.id &&
        isDeepStrictEqual(plainSettings(other.settings), settings) &&
        placesOf(other).some((place) => places.has(place)) &&
        book.acceptedBy(other.id, fingerprintOf(other)) !== undefined,
    );
  }

  #device(id: string): Device {
    const device = this.#gateway.config.devices.find((one) => one.id === id);
    if (device) return device;
    throw new ConfigError(`no device ${id}`, { code: "unknown-device" });
  }

  #now(): string {
    return new Date(this.#gateway.clock.now()).toISOString();
  }

  #opened(): Promise<AcceptanceBook> {
    const folder = join(this.#gateway.config.storage.folder, "acceptance");
    this.#book ??= openFolderDisk(folder, privateFiles)
      .then(openAcceptanceBook)
      .catch((error: unknown) => {
        this.#book = undefined;
        throw error;
      });
    return this.#book;
  }

  /** Notes the last word of a command, whenever it comes. */
  #watch(book: AcceptanceBook, print: string, first: CommandResult, issuer: string): void {
    const watching = this.#lastWord(first, issuer)
      .then(async (result) => {
        if (!result?.last) return;
        const { id, device, point, state, code } = result;
        const outcome = code === undefined ? state : `${state}: ${code}`;
        await book.test(device, print, point, { command: id, outcome, by: issuer, at: this.#now() });
      })
      .catch((error: unknown) => {
        if (!this.#closing.signal.aborted)
          this.#options.log.error({ err: error, command: first.id }, "the outcome of a test was not noted");
      })
      .finally(() => this.#tests.delete(watching));
    this.#tests.add(watching);
  }

  async #lastWord(first: CommandResult, issuer: string): Promise<CommandResult | undefined> {
    if (first.last) return first;
    const { desk } = this.#gateway.control;
    for await (const result of desk?.follow(first.id, this.#closing.signal, issuer) ?? [])
      if (result.last) return result;
    return undefined;
  }
}

function reported(
  { accepted: _accepted, missing: _missing, ...verdict }: DeviceVerdict,
  { profile, connection, settings }: Device,
): ReportContents["devices"][number] {
  return {
    ...verdict,
    profileVersion: profile.version,
    profileHash: profile.hash,
    connection,
    settings: plainSettings(settings),
  };
}

import * as z from "zod";
import type { Jws } from "../../codec/jws.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Disk } from "../../store/disk.ts";
import { readDocument, readText, replaceDocument, replaceText } from "../../store/documents.ts";
import type { DeviceMarks, NorthboundTest, Seen, Tested } from "./verdicts.ts";

/** Reports that are kept, and bytes of all; the oldest go. */
export const maxReports = 100;
const maxReportBytes = 8 * 1024 * 1024;
const maxAllReportsBytes = 32 * 1024 * 1024;
/** Of one device; the oldest go. */
const maxMarks = 600;
const maxFarSides = 64;
const maxDevices = 2000;

const at = z.string().max(40);
const by = z.string().max(200);
const seenSchema = z.object({
  result: z.enum(["confirmed", "rejected"]),
  note: z.string().max(500).optional(),
  by,
  at,
});
const testedSchema = z.object({ command: z.string().max(64), outcome: z.string().max(100), by, at });
const marksSchema = z.object({
  fingerprint: z.string(),
  seen: z.record(z.string(), seenSchema),
  tested: z.record(z.string(), testedSchema),
});
const summarySchema = z.object({ id: z.string(), at, by, ok: z.boolean() });
const bookSchema = z.object({
  northbound: z.record(z.string(), z.object({ ok: z.boolean(), at })),
  accepted: z.record(z.string(), z.object({ report: z.string(), fingerprint: z.string() })),
  reports: z.array(summarySchema),
});
const jwsSchema = z.object({ payload: z.string(), protected: z.string(), signature: z.string() });

type Book = z.output<typeof bookSchema>;
type Marks = z.output<typeof marksSchema>;
export type ReportSummary = Readonly<z.output<typeof summarySchema>>;

const bookName = "book.json";

/**
 * What people found out while a gateway is put into service, and the reports that came of it; in a folder of its
 * own, every change durable when it resolves. What is noted of a device counts as long as its fingerprint is the same.
 */
export class AcceptanceBook {
  readonly #disk: Disk;
  readonly #devices: Map<string, Marks>;
  #book: Book;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(disk: Disk, book: Book, devices: Map<string, Marks>) {
    this.#disk = disk;
    this.#book = book;
    this.#devices = devices;
  }

  marks(device: string, fingerprint: string): DeviceMarks {
    const marks = this.#devices.get(device);
    return marks?.fingerprint === fingerprint ? marks : { seen: {}, tested: {} };
  }

  acceptedBy(device: string, fingerprint: string): string | undefined {
    const accepted = Object.hasOwn(this.#book.accepted, device) ? this.#book.accepted[device] : undefined;
    return accepted?.fingerprint === fingerprint ? accepted.report : undefined;
  }

  northbound(name: string): NorthboundTest {
    const test = Object.hasOwn(this.#book.northbound, name) ? this.#book.northbound[name] : undefined;
    return { name, ok: test?.ok ?? false, ...(test ? { at: test.at } : {}) };
  }

  /** The newest first. */
  get reports(): readonly ReportSummary[] {
    return this.#book.reports.toReversed();
  }

  see(device: string, fingerprint: string, point: string, seen: Seen): Promise<void> {
    return this.#mark(device, fingerprint, (marks) => ({
      ...marks,
      seen: newest({ ...marks.seen, [point]: seen }),
    }));
  }

  /** A new test wants to be looked at anew. */
  test(device: string, fingerprint: string, point: string, tested: Tested): Promise<void> {
    return this.#mark(device, fingerprint, ({ seen: { [point]: _before, ...seen }, ...marks }) => ({
      ...marks,
      seen,
      tested: newest({ ...marks.tested, [point]: tested }),
    }));
  }

  northboundTested(name: string, ok: boolean, at: string): Promise<void> {
    return this.#alone(async () => {
      const northbound = newest({ ...this.#book.northbound, [name]: { ok, at } }, maxFarSides);
      await this.#write({ ...this.#book, northbound });
    });
  }

  /** Keeps a report, and takes these devices (ids and fingerprints) for accepted by it. */
  accept(summary: ReportSummary, jws: Jws, devices: ReadonlyMap<string, string>): Promise<void> {
    return this.#alone(async () => {
      await replaceText(this.#disk, reportName(summary.id), JSON.stringify(jws));
      const accepted = Object.fromEntries(
        Array.from(devices, ([id, fingerprint]) => [id, { report: summary.id, fingerprint }]),
      );
      const reports = await this.#fitting([...this.#book.reports, summary]);
      await this.#write({
        ...this.#book,
        reports,
        accepted: newest({ ...this.#book.accepted, ...accepted }, maxDevices),
      });
      await this.#tidy();
    });
  }

  /** Rejects with ConfigError (`unknown-report`), StorageError. */
  async report(id: string): Promise<Jws> {
    const known = this.#book.reports.some((one) => one.id === id);
    const text = known ? await readText(this.#disk, reportName(id), maxReportBytes) : undefined;
    const jws = jwsSchema.safeParse(parsed(text));
    if (jws.success) return jws.data;
    throw new ConfigError(`there is no report ${id}`, {
      code: "unknown-report",
      hint: known ? "its file is gone or damaged" : `the last ${maxReports} are kept`,
    });
  }

  /** Forgets devices that are gone for good. */
  forget(device: string): Promise<void> {
    return this.#alone(async () => {
      if (this.#devices.delete(device)) await this.#disk.remove(deviceName(device));
      const { [device]: gone, ...accepted } = this.#book.accepted;
      if (gone) await this.#write({ ...this.#book, accepted });
    });
  }

  #mark(device: string, fingerprint: string, change: (marks: Marks) => Marks): Promise<void> {
    return this.#alone(async () => {
      const before = this.#devices.get(device);
      if (!before && this.#devices.size >= maxDevices)
        throw new ConfigError("too many devices have been looked at", { code: "too-many-devices" });
      const same = before?.fingerprint === fingerprint ? before : { fingerprint, seen: {}, tested: {} };
      const marks = change(same);
      await replaceDocument(this.#disk, deviceName(device), marks);
      this.#devices.set(device, marks);
    });
  }

  async #write(book: Book): Promise<void> {
    await replaceDocument(this.#disk, bookName, book);
    this.#book = book;
  }

  /** The newest that there is room for. */
  async #fitting(reports: readonly ReportSummary[]): Promise<ReportSummary[]> {
    const kept: ReportSummary[] = [];
    let bytes = 0;
    for (const one of reports.slice(-maxReports).toReversed()) {
      bytes += (await readText(this.#disk, reportName(one.id), maxReportBytes))?.length ?? 0;
      if (kept.length > 0 && bytes > maxAllReportsBytes) break;
      kept.unshift(one);
    }
    return kept;
  }

  async #tidy(): Promise<void> {
    const known = new Set(this.#book.reports.map(({ id }) => reportName(id)));
    for (const name of await this.#disk.list())
      if (name.startsWith("report-") && !known.has(name)) await this.#disk.remove(name);
  }

  #alone<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(action);
    this.#turn = done.catch(() => {});
    return done;
  }
}

/** Rejects with StorageError. What cannot be read counts as not noted; reports that are listed stay. */
export async function openAcceptanceBook(disk: Disk): Promise<AcceptanceBook> {
  const read = bookSchema.safeParse(await readDocument(disk, bookName));
  const devices = new Map<string, Marks>();
  for (const name of await disk.list()) {
    const id = /^device-(.+)\.json$/.exec(name)?.[1];
    const marks = id === undefined ? undefined : marksSchema.safeParse(await readDocument(disk, name));
    if (id !== undefined && marks?.success) devices.set(id, marks.data);
  }
  return new AcceptanceBook(
    disk,
    read.success ? read.data : { northbound: {}, accepted: {}, reports: [] },
    devices,
  );
}

/** The last ones of a record. */
function newest<T>(record: Readonly<Record<string, T>>, most = maxMarks): Record<string, T> {
  return Object.fromEntries(Object.entries(record).slice(-most));
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function deviceName(id: string): string {
  return `device-${id}.json`;
}

function reportName(id: string): string {
  return `report-${id}.json`;
}

import type { Clock } from "../model/clock.ts";
import type { Disk } from "../store/disk.ts";
import { readDocument, replaceDocument } from "../store/documents.ts";

/** How often the last good time is kept, for a gateway that starts without a clock. */
const everyMs = 10 * 60_000;
const document = "clock.json";
/** Boots whose start is remembered: packs of older ones leave with an estimated time. */
const bootsKept = 8;

/** What the store remembers of time. */
export interface KeptTime {
  /** Last good time, Unix ms; 0 when none is known. */
  readonly floor: number;
  /** Boot id to the Unix ms that it counted from; the latest last. */
  readonly boots: ReadonlyMap<string, number>;
}

/** A store that cannot be read must not keep the gateway from starting: then nothing is remembered. */
export async function readKeptTime(openDisk: () => Promise<Disk>): Promise<KeptTime> {
  const kept = await openDisk()
    .then((disk) => readDocument(disk, document))
    .catch(() => undefined);
  const value = (key: string) =>
    typeof kept === "object" && kept !== null ? Reflect.get(kept, key) : undefined;
  const floor = value("unixMs");
  const boots = value("boots");
  const entries = typeof boots === "object" && boots !== null ? Object.entries(boots) : [];
  return {
    floor: typeof floor === "number" ? floor : 0,
    boots: new Map(entries.filter((entry): entry is [string, number] => typeof entry[1] === "number")),
  };
}

/** Keeps the time while it is trusted: at once when trust comes, then now and then. A disk that refuses does not matter here. */
export function keepTime(clock: Clock, openDisk: () => Promise<Disk>, before: KeptTime): Disposable {
  let timer: Disposable | undefined;
  const write = async () => {
    const start = clock.toUnix({ base: "boot", ms: 0 });
    if (start === undefined) return;
    const boots = new Map(before.boots);
    boots.delete(clock.bootId);
    boots.set(clock.bootId, Math.round(start));
    await replaceDocument(await openDisk(), document, {
      unixMs: Math.round(clock.now()),
      boots: Object.fromEntries([...boots].slice(-bootsKept)),
    });
  };
  const keep = () => {
    timer?.[Symbol.dispose]();
    write().catch(() => {});
    timer = clock.timer(everyMs, keep);
  };
  const trust = clock.whenTrusted(keep);
  return {
    [Symbol.dispose]() {
      trust[Symbol.dispose]();
      timer?.[Symbol.dispose]();
    },
  };
}

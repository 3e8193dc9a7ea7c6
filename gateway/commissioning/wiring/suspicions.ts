import type { WiringFault, WiringFound } from "../../model/commissioning.ts";
import type { Text } from "../../model/device.ts";
import type { ConnectionStatus, DeviceStatus } from "../../southbound/status.ts";
import { faultWords } from "./words.ts";

/** Fewer requests say nothing. */
const leastRequests = 50;

/** What a running line counts, as shares of its requests. */
interface Shares {
  readonly requests: number;
  readonly answered: number;
  readonly damaged: number;
  readonly timeouts: number;
  readonly late: number;
  readonly foreign: number;
  readonly echoes: number;
  /** Bytes that belonged to nothing, per request. */
  readonly garbage: number;
  /** Part of the damaged answers that one device has, where there are several. */
  readonly ofOne: number;
  readonly one: DeviceStatus | undefined;
  readonly busy: number;
}

interface Suspicion {
  readonly fault: WiringFault;
  /** 0 to 1: a hint from a few counters is never certain. */
  likely(shares: Shares): number;
  evidence(shares: Shares): Text;
}

const percent = (share: number): string => `${Math.max(1, Math.round(100 * share))} %`;

const damagedText = ({ damaged }: Shares): Text => ({
  en: `${percent(damaged)} of the requests got a damaged answer`,
  sv: `${percent(damaged)} av frågorna fick ett trasigt svar`,
});

const table: readonly Suspicion[] = [
  {
    fault: "silent",
    likely: ({ answered, garbage, timeouts }) =>
      answered === 0 && garbage < 0.2 && timeouts > 0.5 ? 0.6 : 0,
    evidence: ({ requests }) => ({
      en: `none of ${requests} requests was answered`,
      sv: `ingen av ${requests} frågor besvarades`,
    }),
  },
  {
    fault: "swapped",
    likely: ({ answered, garbage, timeouts }) =>
      answered === 0 && (timeouts > 0.5 || garbage >= 0.2) ? 0.3 : 0,
    evidence: ({ requests }) => ({
      en: `none of ${requests} requests was answered`,
      sv: `ingen av ${requests} frågor besvarades`,
    }),
  },
  {
    fault: "wrong-speed",
    likely: ({ answered, garbage, busy }) => (answered === 0 && garbage >= 0.2 && busy < 0.3 ? 0.5 : 0),
    evidence: ({ garbage }) => ({
      en: `no answer, but ${garbage.toFixed(1)} bytes per request that mean nothing`,
      sv: `inget svar, men ${garbage.toFixed(1).replace(".", ",")} obegripliga byte per fråga`,
    }),
  },
  {
    fault: "stuck",
    likely: ({ busy }) => (busy > 0.3 ? 0.7 : 0),
    evidence: ({ busy }) => ({
      en: `the line was never quiet before ${percent(busy)} of the requests`,
      sv: `slingan blev aldrig tyst före ${percent(busy)} av frågorna`,
    }),
  },
  {
    fault: "duplicate-address",
    likely: ({ damaged, ofOne }) => (damaged > 0.02 && ofOne > 0.9 ? 0.6 : 0),
    evidence: ({ one }) => ({
      en: `nearly all damaged answers are those of ${one?.device}`,
      sv: `nästan alla trasiga svar är från ${one?.device}`,
    }),
  },
  {
    fault: "echo",
    likely: ({ echoes, damaged, garbage }) => (echoes > 0.02 && (damaged > 0.03 || garbage > 0.3) ? 0.5 : 0),
    evidence: ({ echoes }) => ({
      en: `our own bytes came back with ${percent(Math.min(1, echoes))} of the requests, not always whole`,
      sv: `våra egna byte kom tillbaka vid ${percent(Math.min(1, echoes))} av frågorna, inte alltid hela`,
    }),
  },
  {
    fault: "noise",
    likely: ({ answered, damaged, ofOne }) => (answered > 0 && damaged > 0.03 && ofOne <= 0.9 ? 0.4 : 0),
    evidence: damagedText,
  },
  {
    fault: "no-termination",
    likely: ({ answered, damaged, ofOne }) => (answered > 0 && damaged > 0.03 && ofOne <= 0.9 ? 0.35 : 0),
    evidence: damagedText,
  },
  {
    fault: "late-answers",
    likely: ({ late }) => (late > 0.02 ? Math.min(0.9, 0.5 + 4 * late) : 0),
    evidence: ({ late }) => ({
      en: `${percent(late)} of the answers came after their time`,
      sv: `${percent(late)} av svaren kom för sent`,
    }),
  },
  {
    fault: "second-master",
    likely: ({ foreign, damaged, ofOne }) =>
      foreign > 0.02 && !(damaged > 0.02 && ofOne > 0.9) ? Math.min(0.9, 0.5 + 4 * foreign) : 0,
    evidence: ({ foreign }) => ({
      en: `whole messages came that nobody asked for, ${percent(Math.min(1, foreign))} of our requests`,
      sv: `hela meddelanden kom som ingen frågat efter, ${percent(Math.min(1, foreign))} av våra frågor`,
    }),
  },
];

/**
 * What the counters of a running connection make one suspect of its wiring, the likeliest first; empty where all
 * is well or too little was asked. A hint: `wiringJob` finds out. For lines that count like Modbus. Pure.
 */
export function suspicions({ statistics, devices }: ConnectionStatus): readonly WiringFound[] {
  const count = (name: string): number => statistics[name] ?? 0;
  const requests = count("requests");
  if (requests < leastRequests) return [];
  const errors = (device: DeviceStatus, codes: readonly string[]): number =>
    codes.reduce((sum, code) => sum + (device.errors[code] ?? 0), 0);
  const broken = devices.map((device) => errors(device, ["crc", "bad-reply"]));
  const allBroken = broken.reduce((sum, some) => sum + some, 0);
  const worst = Math.max(0, ...broken);
  const waited = devices.reduce((sum, device) => sum + errors(device, ["line-busy"]), 0);
  const shares: Shares = {
    requests,
    answered: (count("replies") + count("exceptions")) / requests,
    damaged: (count("damaged") + count("bad")) / requests,
    timeouts: count("timeouts") / requests,
    late: count("late") / requests,
    foreign: count("foreign") / requests,
    echoes: count("echoes") / requests,
    garbage: count("garbage") / requests,
    ofOne: devices.length > 1 && allBroken > 4 ? worst / allBroken : 0,
    one: devices[broken.indexOf(worst)],
    busy: waited / (requests + waited),
  };
  return table
    .map((row) => ({ row, likely: row.likely(shares) }))
    .filter(({ likely }) => likely > 0)
    .sort((a, b) => b.likely - a.likely)
    .map(({ row, likely }): WiringFound => {
      const words = faultWords[row.fault];
      const named = (text: Text): Text => ({
        en: text.en.replaceAll("{unit}", shares.one?.device ?? "the unit"),
        sv: text.sv?.replaceAll("{unit}", shares.one?.device ?? "enheten"),
      });
      return {
        kind: "wiring",
        fault: row.fault,
        likely: Math.round(likely * 100) / 100,
        message: named(words.message),
        fixes: words.fixes.map(named),
        evidence: [row.evidence(shares)],
      };
    });
}

import { createHash, type KeyObject } from "node:crypto";
import * as z from "zod";
import { FormatError } from "../../codec/format-error.ts";
import { type Jws, parseCompactJws, signJws, verifyJws } from "../../codec/jws.ts";
import { type DeviceVerdict, type Missing, missings } from "../../model/acceptance.ts";
import type { NorthboundTest } from "./verdicts.ts";

/** What is signed, as a media type. */
const mediaType = "stadsnod-acceptance+json";
const format = "stadsnod-acceptance/1";

/** Everything that a report says. Plain data, times ISO 8601. */
export interface ReportContents {
  readonly id: string;
  readonly time: string;
  readonly clockTrusted: boolean;
  readonly gateway: {
    readonly id: string;
    readonly title?: { readonly en: string; readonly sv?: string | undefined } | undefined;
    readonly position?: { readonly lat: number; readonly lon: number } | undefined;
    readonly run: string;
    readonly version: string;
  };
  readonly machine?: object | undefined;
  /** Of gateway.yaml. */
  readonly configuration: { readonly hash: string; readonly generation?: number | undefined };
  readonly technician: string;
  /** Who was logged in. */
  readonly by: string;
  readonly note?: string | undefined;
  /** Why it was accepted although something is missing. */
  readonly despite?: string | undefined;
  readonly ok: boolean;
  readonly missing: readonly Missing[];
  readonly connections: readonly {
    readonly name: string;
    readonly protocol: string;
    readonly settings: unknown;
  }[];
  readonly devices: readonly ReportedDevice[];
  readonly northbound: readonly NorthboundTest[];
}

export interface ReportedDevice extends Omit<DeviceVerdict, "accepted" | "missing"> {
  readonly profileVersion: string;
  /** SHA-256, hex. */
  readonly profileHash: string;
  readonly connection: string;
  readonly settings: unknown;
}

const text = z.object({ en: z.string(), sv: z.string().optional() });
const position = z.object({ lat: z.number(), lon: z.number() });
const seen = z.enum(["confirmed", "rejected"]).optional();
const missing = z.object({
  what: z.enum(missings),
  device: z.string().optional(),
  point: z.string().optional(),
  northbound: z.string().optional(),
});
const payloadSchema = z.object({
  format: z.literal(format),
  id: z.string(),
  time: z.iso.datetime(),
  clockTrusted: z.boolean(),
  gateway: z.object({
    id: z.string(),
    title: text.optional(),
    position: position.optional(),
    run: z.string(),
    version: z.string(),
  }),
  machine: z.record(z.string(), z.unknown()).optional(),
  configuration: z.object({ hash: z.string(), generation: z.number().optional() }),
  technician: z.string(),
  by: z.string(),
  note: z.string().optional(),
  despite: z.string().optional(),
  ok: z.boolean(),
  missing: z.array(missing),
  connections: z.array(z.object({ name: z.string(), protocol: z.string(), settings: z.unknown() })),
  devices: z.array(
    z.object({
      device: z.string(),
      profile: z.string(),
      profileVersion: z.string(),
      profileHash: z.string(),
      connection: z.string(),
      settings: z.unknown(),
      title: text.optional(),
      owner: z.string().optional(),
      place: z.string().optional(),
      position: position.optional(),
      ok: z.boolean(),
      points: z.array(
        z.object({
          point: z.string(),
          title: text.optional(),
          quality: z.string(),
          value: z.union([z.number(), z.boolean(), z.string()]).optional(),
          unit: z.string().optional(),
          time: z.string().optional(),
          ageS: z.number().optional(),
          range: z.tuple([z.number(), z.number()]).optional(),
          ok: z.boolean(),
          seen,
          note: z.string().optional(),
        }),
      ),
      actuators: z.array(
        z.object({
          point: z.string(),
          title: text.optional(),
          command: z.string().optional(),
          outcome: z.string().optional(),
          seen,
          note: z.string().optional(),
          at: z.string().optional(),
          by: z.string().optional(),
        }),
      ),
    }),
  ),
  northbound: z.array(z.object({ name: z.string(), ok: z.boolean(), at: z.string().optional() })),
});

/** A report as it was read out of what was signed. */
export type Report = z.output<typeof payloadSchema>;

export function signReport(contents: ReportContents, key: KeyObject): Jws {
  return signJws(JSON.stringify({ format, ...contents }), key, mediaType);
}

export interface VerifiedReport {
  readonly report: Report;
  readonly jws: Jws;
  /** Thumbprint of the key that signed it (RFC 7638). */
  readonly kid: string;
  /** SHA-256 of what was signed, base64url. */
  readonly hash: string;
  /** Of an HTML file: the language of its visible text. */
  readonly language?: "en" | "sv" | undefined;
}

/**
 * Reads a report of either kind and checks its signature with the key that it names itself; whether that is the
 * key of the gateway meant, the caller compares. Throws FormatError.
 */
export function verifyReport(file: string): VerifiedReport {
  const html = /<pre id="jws">([\w.-]+)<\/pre>/.exec(file)?.[1];
  const jws = html === undefined ? jsonOf(file) : parseCompactJws(html);
  const { payload, kid } = verifyJws(jws);
  const read = payloadSchema.safeParse(jsonOf(payload.toString("utf8")));
  if (!read.success) throw new FormatError("what was signed is no acceptance report", { code: "no-report" });
  const signed = z.object({ payload: z.string(), protected: z.string(), signature: z.string() }).parse(jws);
  const hash = createHash("sha256").update(payload).digest("base64url");
  const language = /<html lang="(en|sv)">/.exec(file)?.[1] === "sv" ? "sv" : "en";
  return { report: read.data, jws: signed, kid, hash, ...(html === undefined ? {} : { language }) };
}

/** What stands in the QR code: enough to find a report again and to hold a file against it. */
export function qrText({ report, kid, hash }: Pick<VerifiedReport, "report" | "kid" | "hash">): string {
  return ["STADSNOD1", report.gateway.id, report.time, report.ok ? "ok" : "exceptions", hash, kid].join(" ");
}

function jsonOf(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    throw new FormatError("this is no acceptance report", { code: "no-report" });
  }
}

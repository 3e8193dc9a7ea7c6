import * as z from "zod";
import type { GatewayConfig } from "../config/config.ts";
import { tellingDevices } from "../config/config.ts";
import {
  audienceOf,
  type Device,
  type Point,
  pollPeriod,
  readablePoints,
  type Text,
} from "../model/device.ts";
import { formatDuration } from "../model/duration.ts";
import { isPersonal, openAudience } from "../model/privacy.ts";
import { formatSize } from "../model/size.ts";
import { describeSteps } from "../telemetry/privacy-words.ts";
import { brokersOf } from "./brokers.ts";
import { basisWords, type Language, registerWords } from "./register-words.ts";

/** One point in the register; texts in the language asked for. */
export interface RegisterPoint {
  readonly point: string;
  readonly what: string;
  readonly unit: string;
  readonly often: string;
  /** `made`: a view of personal data, with steps that suffice. */
  readonly personal: "yes" | "no" | "made";
  /** Undefined: nobody, the point stays inside. */
  readonly audience?: string | undefined;
  readonly forWhom: string;
  readonly steps: string;
  readonly kept: string;
  readonly goes: readonly string[];
  /** What the law wants said and nobody has: of personal points only. */
  readonly missing: readonly ("purpose" | "legalBasis")[];
}

export interface RegisterDevice {
  readonly device: string;
  readonly title: string;
  readonly profile: string;
  readonly owner?: string | undefined;
  readonly purpose?: string | undefined;
  readonly legalBasis?: string | undefined;
  readonly legalBasisText?: string | undefined;
  readonly sharedWith: readonly string[];
  readonly points: readonly RegisterPoint[];
}

export interface Register {
  readonly gateway: string;
  readonly title?: string | undefined;
  readonly devices: readonly RegisterDevice[];
  /** Parts of gateway.yaml with errors: what they collect is not in here. */
  readonly leftOut: readonly string[];
  readonly complete: boolean;
}

/** What a gateway collects, why, for whom, how long, and where it goes; by its configuration alone. */
export function registerOf(config: GatewayConfig, language: Language): Register {
  const devices = tellingDevices(config).map((device) => registerDevice(config, device, language));
  const leftOut = config.quarantined.map(({ kind, id }) => `${kind} ${id}`);
  const { id, title } = config.gateway;
  return {
    gateway: id,
    title: title && inLanguage(title, language),
    devices,
    leftOut,
    complete:
      leftOut.length === 0 &&
      devices.every(({ points }) => points.every(({ missing }) => missing.length === 0)),
  };
}

function inLanguage({ en, sv }: Text, language: Language): string {
  return language === "sv" ? (sv ?? en) : en;
}

function registerDevice(config: GatewayConfig, device: Device, language: Language): RegisterDevice {
  const { profile, record, views = [] } = device;
  const own = readablePoints(profile).filter(({ hidden }) => !hidden);
  const names = record?.sharedWith.map((name) => {
    const title = config.audiences.get(name)?.title;
    return title ? inLanguage(title, language) : name;
  });
  return {
    device: device.id,
    title: inLanguage(device.title ?? profile.title, language),
    profile: profile.id,
    owner: record?.owner,
    purpose: record?.purpose,
    legalBasis: record?.legalBasis,
    legalBasisText: record?.legalBasis && basisWords[record.legalBasis][language],
    sharedWith: names ?? [],
    points: [...own, ...views].map((point) => registerPoint(config, device, point, language)),
  };
}

function registerPoint(
  config: GatewayConfig,
  device: Device,
  point: Point,
  language: Language,
): RegisterPoint {
  const word = (key: keyof typeof registerWords): string => registerWords[key][language];
  const inside = device.dropped?.includes(point.name) ?? false;
  const audience = inside ? undefined : audienceOf(device, point);
  const title = audience === undefined ? undefined : config.audiences.get(audience)?.title;
  const aboutPeople = point.personal || (point.view?.personal ?? false);
  const { record } = device;
  return {
    point: point.name,
    what: point.title ? inLanguage(point.title, language) : point.name,
    unit: point.unit ?? "",
    often: often(config, device, point, word),
    personal: isPersonal(point) ? "yes" : aboutPeople ? "made" : "no",
    audience,
    forWhom:
      audience === undefined
        ? word("nobody")
        : audience === openAudience
          ? `${audience} (${word("everybody")})`
          : title
            ? `${audience} (${inLanguage(title, language)})`
            : audience,
    steps: point.view ? describeSteps(point.view.steps)[language] : "",
    kept: kept(config, audience, word),
    goes: audience === undefined ? [] : brokersOf(config).map(({ name, url }) => `${name} (${hostOf(url)})`),
    missing: aboutPeople
      ? [
          ...(record?.purpose === undefined ? (["purpose"] as const) : []),
          ...(record?.legalBasis === undefined ? (["legalBasis"] as const) : []),
        ]
      : [],
  };
}

type Words = (key: keyof typeof registerWords) => string;

function often(config: GatewayConfig, device: Device, point: Point, word: Words): string {
  const window = point.view?.steps.some(({ kind }) => kind === "aggregate" || kind === "round-time");
  if (!window && config.connections.get(device.connection)?.protocol.everyWord) return word("asSent");
  const period = pollPeriod(device, point);
  return Number.isFinite(period) ? `${word("every")} ${formatDuration(period)}` : word("once");
}

const historySchema = z.looseObject({
  history: z
    .union([
      z.literal(false),
      z.looseObject({ maxAgeMs: z.number().optional(), maxBytes: z.number().optional() }),
    ])
    .optional(),
});

/** How long readings are kept: in the outbox, and in the local history where the configuration has one. */
function kept(config: GatewayConfig, audience: string | undefined, word: Words): string {
  const limits = audience === undefined ? undefined : config.audiences.get(audience);
  const history = historySchema.safeParse(config).data?.history;
  const outbox = limits
    ? `${word("until")} ${formatDuration(limits.maxAgeMs)}, ${formatSize(limits.maxBytes)} ${word("per")}`
    : word("memory");
  if (!history) return `${outbox}; ${word("noHistory")}`;
  const { maxAgeMs } = history;
  return `${outbox}; ${word("history")}${maxAgeMs === undefined ? "" : ` ${formatDuration(maxAgeMs)}`}`;
}

function hostOf(url: string): string {
  return new URL(url).host;
}

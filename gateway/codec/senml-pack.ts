import type { Value } from "../model/value.ts";

/** SenML labels in CBOR (RFC 8428 section 6). */
export const label = {
  baseVersion: -1,
  baseName: -2,
  baseTime: -3,
  baseUnit: -4,
  baseValue: -5,
  baseSum: -6,
  name: 0,
  unit: 1,
  value: 2,
  text: 3,
  boolean: 4,
  sum: 5,
  time: 6,
  updateTime: 7,
  data: 8,
} as const;

/** The account of a pack: string-keyed fields of its first record. */
export interface PackHeader {
  /** `gw` */
  readonly gateway: string;
  /** `aud`; seq counts per run and audience. */
  readonly audience: string;
  /** `run`: random id of the daemon's start. */
  readonly run: string;
  /** `seq`: gapless per run and audience, from 1. */
  readonly seq: number;
  /** `seqTo`: last seq inside when packs were merged; equals `seq` otherwise and is then not written. */
  readonly seqTo: number;
  /**
   * `boot_`: times count from this kernel boot instead of 1970. The trailing underscore makes every
   * SenML decoder refuse such a pack (RFC 8428 section 4.4), so it can do no harm if it ever gets out.
   */
  readonly boot?: string | undefined;
  /** `clk` = `estimated`: the times are the best known, the clock was never confirmed. */
  readonly estimated?: boolean | undefined;
}

/** Readings of one name, in order of time. */
export interface Series {
  /** First part of the SenML name, the device's URN with its closing colon; becomes `bn`. */
  readonly base: string;
  /** Second part: `<point>`, `<point>/<bit>` or `<point>/quality`. */
  readonly name: string;
  /** SenML unit. Given exactly when the values are numbers. */
  readonly unit?: string | undefined;
  /** Whole milliseconds: Unix, or since boot when the header says `boot`. As long as `values`. */
  readonly times: readonly number[];
  readonly values: readonly Value[];
}

/** Packs that will never come, on purpose, with what they held (the outbox's Gap, without the audience that carries it). */
export interface GapRecord {
  readonly run: string;
  /** First and last seq lost, both included. */
  readonly from: number;
  readonly to: number;
  readonly readings: number;
  readonly reason: string;
  /** Whole milliseconds, when the loss was noticed. */
  readonly time: number;
}

export interface Pack {
  readonly header: PackHeader;
  /** Base time of the first record, whole ms; the time of the first record unless given. */
  readonly time?: number | undefined;
  readonly series: readonly Series[];
  readonly gaps?: readonly GapRecord[] | undefined;
}

/** One record after resolution (RFC 8428 section 4.6): base fields applied. */
export interface ResolvedRecord {
  /** bn + n */
  readonly name: string;
  readonly unit?: string | undefined;
  /** Undefined only when the record has a sum instead. */
  readonly value?: Value | undefined;
  readonly sum?: number | undefined;
  /** Milliseconds: Unix when `timeBase` is `unix`, since boot for `boot`, from now (0 = now, past negative) for `now`. */
  readonly time: number;
  readonly timeBase: "unix" | "now" | "boot";
  /** `ut`, in ms. */
  readonly updateTime?: number | undefined;
}

export interface DecodedPack {
  /** Undefined for packs of others, which carry no account. */
  readonly header?: PackHeader | undefined;
  /** Base time of the first record in ms, 0 when it has none. */
  readonly time: number;
  readonly records: readonly ResolvedRecord[];
  readonly gaps: readonly GapRecord[];
}

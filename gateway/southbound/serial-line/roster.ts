import { type Device, toldPoints } from "../../model/device.ts";
import type { LineFraming } from "../line-deframer.ts";
import { Line } from "./line.ts";
import { type Decoded, type LinePoint, type LineUnit, type MessageSet, messagesOf } from "./messages.ts";

interface Member {
  readonly device: LineUnit;
  readonly messages: MessageSet;
  /** Points of messages that come by themselves, by message. */
  readonly heard: ReadonlyMap<string, readonly LinePoint[]>;
}

/** A device that cannot be told from another, or read on this line. */
export interface Refused {
  readonly device: LineUnit;
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface Heard {
  readonly device: Device;
  readonly decoded: Decoded;
  readonly points: readonly LinePoint[];
}

export interface LineCounters {
  unmatched: number;
  "bad-checksum": number;
  "bad-character": number;
}

/** Who is on a line, and whose words a line of text is. */
export class Roster {
  readonly #members: readonly Member[];
  readonly refused: readonly Refused[];
  /** Of all that are read on this line; undefined while nobody is. */
  readonly framing: LineFraming | undefined;
  /** Whether any of them speaks first. */
  readonly speaksFirst: boolean;

  /** Throws ConfigError (`missing-address`). */
  constructor(devices: readonly LineUnit[]) {
    const members: Member[] = [];
    const refused: Refused[] = [];
    const seen = new Map<string, string>();
    for (const device of devices) {
      const head = device.profile.protocolSettings;
      const key = `${device.profile.hash} ${device.settings.address ?? head.address ?? ""}`;
      const twin = seen.get(key);
      const first = members[0]?.device;
      if (twin !== undefined) {
        refused.push({
          device,
          code: "same-address",
          message: `its words cannot be told from those of ${twin}`,
          hint: "give each an address of its own, or a line of its own",
        });
      } else if (first && !sameFraming(first.profile.protocolSettings.framing, head.framing)) {
        refused.push({
          device,
          code: "other-framing",
          message: `its lines end otherwise than those of ${first.id}`,
          hint: "devices on one line need the same terminator, length, silence, start and max",
        });
      } else {
        seen.set(key, device.id);
        members.push({ device, messages: messagesOf(device), heard: heardPoints(device) });
      }
    }
    this.#members = members;
    this.refused = refused;
    this.framing = members[0]?.device.profile.protocolSettings.framing;
    this.speaksFirst = members.some(({ heard }) => heard.size > 0);
  }

  /** What a line tells, by device. What it is to nobody is counted once. */
  hear(bytes: Uint8Array, counters: LineCounters): readonly Heard[] {
    const line = new Line(bytes);
    const told: Heard[] = [];
    let reason: keyof LineCounters | undefined = "unmatched";
    for (const { device, messages, heard } of this.#members) {
      const verdict = messages.decode(line);
      if (verdict.kind === "message") {
        reason = undefined;
        const points = heard.get(verdict.decoded.message);
        if (points) told.push({ device, decoded: verdict.decoded, points });
      } else if (verdict.kind !== "unmatched" && reason === "unmatched") reason = verdict.kind;
    }
    if (reason) counters[reason] += 1;
    return told;
  }
}

function heardPoints(device: LineUnit): ReadonlyMap<string, readonly LinePoint[]> {
  const { messages } = device.profile.protocolSettings;
  const found = new Map<string, readonly LinePoint[]>();
  for (const { name, request } of messages) {
    const points = toldPoints(device.profile).filter(({ address }) => address.message === name);
    if (!request && points.length > 0) found.set(name, points);
  }
  return found;
}

function sameFraming(a: LineFraming, b: LineFraming): boolean {
  const text = ({ terminators, ...rest }: LineFraming) =>
    JSON.stringify([terminators.map((bytes) => [...bytes]), rest]);
  return text(a) === text(b);
}

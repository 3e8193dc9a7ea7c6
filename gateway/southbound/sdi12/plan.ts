import type { Device, DeviceProfile, Point } from "../../model/device.ts";
import type { ProtocolFinding, ReadRequest } from "../protocol.ts";
import { breakMs, markMs, responseMs, standardCharacterMs } from "./line.ts";
import { defaultWaitMs } from "./schema.ts";
import {
  commandOf,
  isConcurrent,
  isContinuous,
  type Sdi12Address,
  type Sdi12Connection,
  type Sdi12Device,
  type Sdi12Head,
} from "./settings.ts";

/** One measurement, or the identification, with all points that it brings. */
export interface Sdi12Request extends ReadRequest<Sdi12Address> {
  /** Without address and exclamation mark. */
  readonly command: string;
  /** More than that the sensor may not ask for, ms. */
  readonly longestMs: number;
}

/** Sensors may take this long even where the profile says nothing, ms. */
const longestUnsaidMs = 60_000;
/** Characters of a value with its sign, on average; of a page of values at most (SDI-12 v1.4, 4.4.6). */
const valueCharacters = 7;
const pageCharacters = 35;
const concurrentPageCharacters = 75;
/** Of an identification: its fixed part and a serial number. */
const identityCharacters = 33;

/** One request per measurement, whatever the periods of its points: each start of a measurement brings all of its values. Pure. */
export function planSdi12(
  _connection: Sdi12Connection,
  device: Device<Sdi12Address, Sdi12Device, Sdi12Head>,
  points: readonly Point<Sdi12Address>[],
): { readonly requests: readonly Sdi12Request[] } {
  const groups = Map.groupBy(points, (point) => commandOf(point.address));
  const { address } = device.settings;
  const { measure } = device.profile.protocolSettings;
  return {
    requests: Array.from(groups, ([command, wanted]): Sdi12Request => {
      if (command === "I")
        return {
          command,
          points: wanted,
          costMs: exchangeMs(3, identityCharacters),
          longestMs: 0,
          label: `${address}I! (identification)`,
        };
      const hint = measure.get(command);
      const last = Math.max(...wanted.map(({ address: at }) => ("value" in at ? at.value : 0)));
      const values = Math.max(last, hint?.values ?? 0);
      const wait = hint?.wait ?? defaultWaitMs;
      return {
        command,
        points: wanted,
        costMs: measureMs(command, values, wait),
        longestMs: Math.max(longestUnsaidMs, 2 * wait),
        label: `${address}${command}! (${values} value${values === 1 ? "" : "s"})`,
      };
    }),
  };
}

/** Line time of one measurement, ms: its start, the sensor's own time, and the pages of values. */
export function measureMs(command: string, values: number, waitMs: number): number {
  const characters = values * valueCharacters;
  if (isContinuous(command)) return exchangeMs(command.length + 2, characters + 3);
  const page = isConcurrent(command) ? concurrentPageCharacters : pageCharacters;
  const pages = Math.max(1, Math.ceil(characters / page));
  return (
    exchangeMs(command.length + 2, 7) + waitMs + pages * exchangeMs(4, 3) + characters * standardCharacterMs
  );
}

/** A break, a command and its response, in characters: behind an adapter the line is the same. */
function exchangeMs(sent: number, received: number): number {
  return breakMs + markMs + responseMs + (sent + received) * standardCharacterMs;
}

/** What the schemas cannot see. Pure. */
export function checkSdi12(profile: DeviceProfile<Sdi12Address, Sdi12Head>): readonly ProtocolFinding[] {
  const findings: ProtocolFinding[] = [];
  const { measure } = profile.protocolSettings;
  const first = new Map<string, string>();
  for (const { name, address } of profile.points) {
    const place = JSON.stringify(address);
    const other = first.get(place);
    if (other !== undefined)
      findings.push({
        path: ["points", name, "at"],
        code: "overlapping-points",
        message: `this is also where ${other} is`,
      });
    first.set(place, name);
    if (!("measure" in address)) continue;
    const known = measure.get(address.measure)?.values;
    if (known !== undefined && address.value > known)
      findings.push({
        path: ["points", name, "at", "value"],
        code: "no-such-value",
        message: `${address.measure} gives ${known} values, and this is number ${address.value}`,
      });
    else if (/^MC?/.test(address.measure) && address.value > 9)
      findings.push({
        path: ["points", name, "at", "value"],
        code: "no-such-value",
        message: `${address.measure} gives at most 9 values`,
        hint: "more than nine need a concurrent measurement (C) or several (M1, M2)",
      });
  }
  const asked = new Set(profile.points.map((point) => commandOf(point.address)));
  for (const name of measure.keys())
    if (!asked.has(name))
      findings.push({
        path: ["sdi12", "measure", name],
        code: "unused-measure",
        message: `no point is a value of ${name}`,
        severity: "warning",
      });
  return findings;
}

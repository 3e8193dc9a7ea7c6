// The state machine of an update, pure. Its state is a record that names the step that is about to be taken: it is
// made durable first and the step is taken then, so a power cut finds either the record of a step that was not
// begun, or of one that can be taken again. What really happened is seen from the slot that runs after the start.
import type { HealthSnapshot, HealthVerdict } from "./health-gate.ts";
import type { Phase, Reason, Target, UpdateRecord } from "./record.ts";
import { compareVersions, isSemver } from "./semver.ts";
import type { BundleFacts } from "./updater.ts";

/** What runs now. */
export interface Running {
  /** Boot name of the slot. */
  readonly slot: string;
  readonly version: string;
  /** The kernel's boot id. */
  readonly boot: string;
}

export type Step = "nothing" | "download" | "install" | "reboot" | "watch" | "mark-good" | "go-back";

/** Interrupted or failed installs of one bundle, before it counts as one that does not work here. */
const mostInstalls = 3;
const mostFailed = 32;

/** What the present phase asks for. */
export function stepOf({ phase }: UpdateRecord): Step {
  const steps: Readonly<Record<Phase, Step>> = {
    idle: "nothing",
    downloading: "download",
    verified: "install",
    installing: "install",
    installed: "reboot",
    rebooting: "reboot",
    trying: "watch",
    committing: "mark-good",
    "rolling-back": "go-back",
    committed: "nothing",
    "rolled-back": "nothing",
    refused: "nothing",
  };
  return steps[phase];
}

/** From here on the other slot is no longer what it was: one finishes first. */
export function isCommittedTo({ phase }: UpdateRecord): boolean {
  const open: readonly Phase[] = [
    "installing",
    "installed",
    "rebooting",
    "trying",
    "committing",
    "rolling-back",
  ];
  return open.includes(phase);
}

/** Begins with a target, or says why not. A target that is only being fetched gives way to a new one. */
export function choose(record: UpdateRecord, target: Target, running: Running): UpdateRecord | Reason {
  if (isCommittedTo(record))
    return { code: "update-busy", message: `an update is under way (${record.phase})` };
  const no = target.version === undefined ? undefined : notAdmitted(record, target, target.version, running);
  if (no) return no;
  // Asked for once more, it has no more tries than before.
  const same = target.version !== undefined && target.version === record.target?.version;
  const again = record.phase === "verified" || record.phase === "downloading";
  const attempts = same && again ? record.attempts : 0;
  return { ...record, phase: "downloading", target, from: placeOf(running), ...fresh, attempts };
}

const fresh = { why: undefined, attempts: 0, starts: 0, boot: undefined, before: undefined } as const;

/** Why a version may not be installed here; undefined: it may. */
export function notAdmitted(
  { failed, highest }: UpdateRecord,
  { allowDowngrade }: Target,
  version: string,
  running: Running,
): Reason | undefined {
  if (!isSemver(version))
    return { code: "bad-version", message: `"${version.slice(0, 64)}" is no version such as 1.4.0` };
  const before = failed.find((one) => compareVersions(one.version, version) === 0);
  if (before)
    return {
      code: "failed-before",
      message: `version ${version} did not work here: ${before.why.message}`.slice(0, 1000),
    };
  if (compareVersions(version, running.version) === 0)
    return { code: "already-runs", message: `version ${version} is the one that runs` };
  const floor =
    highest !== undefined && compareVersions(highest, running.version) > 0 ? highest : running.version;
  if (compareVersions(version, floor) < 0 && !allowDowngrade)
    return { code: "downgrade", message: `version ${version} is older than ${floor}` };
  return undefined;
}

/** The bundle is here whole, and somebody who is trusted has signed it. */
export function afterInspection(
  record: UpdateRecord,
  facts: BundleFacts,
  compatible: string,
  running: Running,
): UpdateRecord {
  const { target } = record;
  if (!target) return record;
  const { version, sha256 } = facts;
  if (facts.compatible !== compatible)
    return refused(record, {
      code: "other-board",
      message: `the bundle is for ${facts.compatible}, this is ${compatible}`.slice(0, 1000),
    });
  if (target.sha256 !== undefined && target.sha256 !== sha256)
    return refused(record, {
      code: "other-content",
      message: "the bundle is not the one that was asked for",
    });
  if (target.version !== undefined && target.version !== version)
    return refused(record, {
      code: "other-version",
      message: `the bundle is version ${version}, asked for was ${target.version}`.slice(0, 1000),
    });
  const no = notAdmitted(record, target, version, running);
  if (no) return refused(record, no);
  return {
    ...record,
    phase: "verified",
    target: { ...target, version, sha256 },
    from: placeOf(running),
  };
}

/** It ends before anything was written. The version may come again, in another bundle. */
export function refused(record: UpdateRecord, why: Reason): UpdateRecord {
  return { ...record, phase: "refused", why };
}

/** @param before what works now: a power cut at the very end of the install starts the new system without more ado */
export function toInstall(record: UpdateRecord, before: HealthSnapshot): UpdateRecord {
  return { ...record, phase: "installing", attempts: record.attempts + 1, before: copyOf(before) };
}

export function afterInstall(record: UpdateRecord, { boot }: Running, failure?: Reason): UpdateRecord {
  if (!failure) return { ...record, phase: "installed", boot, attempts: 0 };
  return record.attempts >= mostInstalls
    ? end(record, "refused", failure)
    : { ...record, phase: "verified", why: failure };
}

/** @param before what works now, which is newer than what worked before the install */
export function toReboot(record: UpdateRecord, { boot }: Running, before: HealthSnapshot): UpdateRecord {
  return {
    ...record,
    phase: "rebooting",
    boot,
    before: copyOf(before),
    attempts: record.attempts + 1,
    why: undefined,
  };
}

export function afterVerdict(record: UpdateRecord, { verdict, wrong }: HealthVerdict): UpdateRecord {
  if (verdict === "wait") return record;
  if (verdict === "commit") return { ...record, phase: "committing", why: undefined };
  return toGoBack(record, { code: "unhealthy", message: wrong.join("; ").slice(0, 1000) });
}

/** Also for a person who wants the former system back, after the commit too. */
export function toGoBack(record: UpdateRecord, why: Reason): UpdateRecord {
  return { ...record, phase: "rolling-back", why };
}

export function afterMarkGood(record: UpdateRecord): UpdateRecord {
  const version = record.target?.version;
  if (version === undefined) return { ...record, phase: "committed" };
  const { highest, failed } = record;
  return {
    ...record,
    phase: "committed",
    highest: highest !== undefined && compareVersions(highest, version) > 0 ? highest : version,
    failed: failed.filter((one) => compareVersions(one.version, version) > 0),
    before: undefined,
  };
}

/** What a start of the gateway makes of the record: the slot that runs tells how far things had come. */
export function afterStart(record: UpdateRecord, running: Running): UpdateRecord {
  const { phase, from, target } = record;
  const sameBoot = record.boot === running.boot;
  if (!from || !target) return record;
  const former = running.slot === from.slot;
  switch (phase) {
    case "idle":
    case "refused":
      return record;
    case "rolled-back":
      // A boot loader that has no tries left begins anew, with what did not work as well.
      return !former && record.why ? toGoBack(record, record.why) : record;
    case "downloading":
    case "verified":
      return { ...record, from: placeOf(running) };
    case "installing":
      if (!former) return tried(record, running);
      return record.attempts >= mostInstalls
        ? end(record, "refused", {
            code: "interrupted",
            message: `installing was interrupted ${mostInstalls} times`,
          })
        : { ...record, phase: "verified" };
    case "installed":
    case "rebooting":
      if (!former) return tried(record, running);
      return sameBoot ? record : end(record, "rolled-back", notStarted);
    case "trying":
      if (former) return end(record, "rolled-back", gaveUp);
      return {
        ...record,
        starts: sameBoot ? record.starts + 1 : 1,
        attempts: sameBoot ? record.attempts : record.attempts + 1,
        boot: running.boot,
      };
    case "committing":
      return former ? end(record, "rolled-back", gaveUp) : record;
    case "rolling-back":
      return former ? end(record, "rolled-back", record.why ?? gaveUp) : record;
    case "committed":
      return former ? end(record, "rolled-back", gaveUp) : record;
  }
}

const notStarted: Reason = {
  code: "not-started",
  message: "the new system did not start; the boot loader took the former one",
};
const gaveUp: Reason = {
  code: "gave-up",
  message: "the new system started and did not stay up; the boot loader took the former one",
};

/** The other slot runs. */
function tried(record: UpdateRecord, running: Running): UpdateRecord {
  const wanted = record.target?.version;
  if (wanted !== undefined && running.version !== wanted)
    return toGoBack(record, {
      code: "other-version",
      message: `version ${running.version} runs where ${wanted} should`,
    });
  return { ...record, phase: "trying", boot: running.boot, starts: 1, attempts: 1 };
}

/** The version is not tried again. */
function end(record: UpdateRecord, phase: "rolled-back" | "refused", why: Reason): UpdateRecord {
  const version = record.target?.version;
  const others = record.failed.filter((one) => one.version !== version);
  const failed = version === undefined ? others : [...others, { version, why }].slice(-mostFailed);
  return { ...record, phase, why, failed, before: undefined };
}

function placeOf({ slot, version }: Running): { slot: string; version: string } {
  return { slot, version };
}

function copyOf({ lines, northbound }: HealthSnapshot) {
  return { lines: [...lines], northbound: [...northbound] };
}

import type { DeviceProfile } from "../model/device.ts";
import { formatDuration } from "../model/duration.ts";
import type { SetupStep, VerifyRule, WriteRule, WriteStep } from "../model/write-rule.ts";
import { showRational } from "./show-rational.ts";

// The write side of a profile in the words of the language, every default filled in.

export function showWrite(rule: WriteRule): Record<string, unknown> {
  const { rate, failsafe } = rule;
  return {
    at: rule.address,
    range: rule.range,
    values: rule.labels ? Object.fromEntries(rule.labels) : rule.allowed,
    step: rule.step && showRational(rule.step),
    value: rule.value?.text,
    steps: rule.stepsByValue
      ? Object.fromEntries(
          Array.from(rule.stepsByValue, ([value, steps]) => [String(value), steps.map(showStep)]),
        )
      : rule.steps.map(showStep),
    verify: showVerify(rule.verify),
    rate: rate && `${rate.count}/${formatDuration(rate.perMs)}`,
    budget: rule.budget,
    interlock: rule.interlock?.text,
    keepalive: rule.keepaliveMs === undefined ? undefined : { every: formatDuration(rule.keepaliveMs) },
    failsafe: failsafe && { after: formatDuration(failsafe.afterMs), value: failsafe.value },
    restart: rule.restart,
    expiry: rule.expiryMs === undefined ? undefined : { max: formatDuration(rule.expiryMs) },
    confirm: rule.confirm,
  };
}

function showStep(step: WriteStep): Record<string, unknown> {
  if (step.kind === "wait") return { wait: formatDuration(step.waitMs) };
  return step.kind === "set" ? { set: step.point, value: step.value } : { at: step.address, value: step.raw };
}

function showVerify(rule: VerifyRule | undefined): unknown {
  if (!rule) return false;
  const { address: at, point, withinMs, tolerance, retries } = rule;
  return { at, point, within: formatDuration(withinMs), tolerance, retries };
}

/** Options, identify and setup, as the gateway understands them; undefined where the profile has none. */
export function showHead(profile: DeviceProfile): Record<string, unknown> {
  const { options, chosen, identify, setup, deprecated } = profile;
  return {
    options:
      options &&
      Object.fromEntries(
        Array.from(options, ([name, { values, standard, title, doc }]) => [
          name,
          { values, default: standard, title, doc },
        ]),
      ),
    chosen,
    deprecated,
    identify: identify?.map(({ point, test }) => ({
      point,
      at: profile.identifyPoints?.find((one) => one.name === point)?.address,
      ...("from" in test || "below" in test ? { atLeast: test.from, below: test.below } : test),
    })),
    setup: setup?.map(showSetup),
  };
}

function showSetup({ point, address, value, verify }: SetupStep): Record<string, unknown> {
  return { set: point, at: point === undefined ? address : undefined, value, verify: showVerify(verify) };
}

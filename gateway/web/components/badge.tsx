import { wordOf, words } from "../text/text.ts";
import { Icon, type IconName } from "./icon.tsx";

export type Tone = "good" | "warn" | "bad" | "off" | "info";

const icons: Record<Tone, IconName> = {
  good: "check",
  warn: "warning",
  bad: "stop",
  off: "clock",
  info: "info",
};

/** A word with a colour and a picture: none of them stands alone. */
export function Badge({ tone, text, icon }: { tone: Tone; text: string; icon?: IconName }) {
  return (
    <span class={`badge tone-${tone}`}>
      <Icon name={icon ?? icons[tone]} size={16} />
      {text}
    </span>
  );
}

const qualityTones: Readonly<Record<string, Tone>> = {
  good: "good",
  stale: "off",
  sentinel: "off",
  "out-of-range": "warn",
  "comm-error": "bad",
  "config-error": "bad",
  none: "off",
  link: "off",
};

/** The quality of a reading, in words. */
export function QualityBadge({ quality }: { quality: string }) {
  return <Badge tone={qualityTones[quality] ?? "warn"} text={wordOf(words.value.quality, quality)} />;
}

const stateTones: Readonly<Record<string, Tone>> = {
  available: "good",
  online: "good",
  open: "good",
  connected: "good",
  identified: "good",
  done: "good",
  idle: "off",
  disabled: "off",
  closed: "off",
  unknown: "off",
  suspended: "off",
  stopped: "off",
  borrowed: "info",
  opening: "info",
  connecting: "info",
  starting: "info",
  running: "info",
  waiting: "warn",
  degraded: "warn",
};

/** How good the state of a device, connection, far side or job is. */
export const stateTone = (state: string): Tone => stateTones[state] ?? "bad";

export function StateBadge({ state }: { state: string }) {
  return (
    <Badge
      tone={stateTone(state)}
      text={wordOf({ ...words.value.jobState, ...words.value.state }, state)}
      {...(stateTone(state) === "info" ? { icon: "spinner" as const } : {})}
    />
  );
}

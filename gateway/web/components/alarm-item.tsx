import { second } from "../browser.ts";
import { formatAge } from "../format.ts";
import { sinceIso } from "../live.ts";
import { language } from "../preferences.ts";
import { href } from "../router.ts";
import { say, words } from "../text/text.ts";
import type { Alarm } from "../types.ts";
import { Badge, type Tone } from "./badge.tsx";

const tones: Record<Alarm["severity"], Tone> = {
  critical: "bad",
  major: "bad",
  minor: "warn",
  warning: "warn",
};

/** One thing that is wrong: how bad, since when, what to do, and where. */
export function AlarmItem({ alarm, card }: { alarm: Alarm; card?: boolean }) {
  const { severity, since, message, fix, device, connection } = alarm;
  const { common, pages } = words.value;
  return (
    <li class={card ? `alarm card card-${tones[severity]}` : "alarm"}>
      <div class="row">
        <Badge tone={tones[severity]} text={words.value.severity[severity]} />
        {since && (
          <span class="quiet numbers">
            {common.ago(formatAge(sinceIso(since, second.value), language.value))}
          </span>
        )}
      </div>
      <p>
        <strong>{say(message)}</strong>
      </p>
      {fix && (
        <p>
          {common.hint}: {say(fix)}
        </p>
      )}
      <p class="row links">
        {device && (
          <a href={href("devices", device)}>
            {pages.device}: {device}
          </a>
        )}
        {connection && (
          <a href={href("connections")}>
            {pages.connection}: {connection}
          </a>
        )}
      </p>
    </li>
  );
}

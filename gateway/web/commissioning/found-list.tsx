import { Badge } from "../components/badge.tsx";
import { href } from "../router.ts";
import { say } from "../text/text.ts";
import type { DeviceFound, Job, ProfileMatch } from "../types.ts";
import { addressText, settingsText } from "./lines.ts";
import { foundIn, keyOf } from "./steps.ts";
import { words } from "./words.ts";

/** The devices that a job found, each with what it may be and a way to put it into service. */
export function FoundList({ job }: { job: Job }) {
  const found = foundIn(job);
  if (found.length === 0) return null;
  return (
    <ul class="wz-found">
      {found.map((one) => (
        <li key={keyOf(one)}>
          <FoundDevice found={one} />
        </li>
      ))}
    </ul>
  );
}

export function FoundDevice({ found }: { found: DeviceFound }) {
  const text = words().lines;
  const best = found.profiles.toSorted((a, b) => b.fit - a.fit)[0];
  const address = addressText(found.settings);
  return (
    <div class="wz-device">
      <p>
        <strong>{best ? say(best.title) : address}</strong>
      </p>
      <p class="quiet">
        {best ? `${address}, ` : ""}
        {settingsText(found.connection)}
      </p>
      {found.says && <p class="wz-name">{found.says}</p>}
      {best ? <Match match={best} /> : <p class="quiet">{text.noProfile}</p>}
      {found.known ? (
        <Badge tone="off" icon="check" text={text.known(found.known)} />
      ) : (
        <a class="button button-primary" href={href("commissioning", "devices", keyOf(found))}>
          {text.use}
          <span class="hidden"> {address}</span>
        </a>
      )}
    </div>
  );
}

const tones = { identified: "good", plausible: "good", possible: "warn" } as const;

/** How well a profile fits, and what speaks for it. */
export function Match({ match }: { match: ProfileMatch }) {
  const text = words().lines;
  return (
    <>
      <p>
        <Badge tone={tones[match.by]} text={text.match[match.by]} />
      </p>
      {match.evidence.length > 0 && (
        <p class="quiet">
          {[...match.evidence.slice(0, 4), text.fit(Math.round(match.fit * 100))].join(" · ")}
        </p>
      )}
    </>
  );
}

import { formatMoment } from "../format.ts";
import { commandWords } from "../pages/commands.words.ts";
import { wordOf } from "../text/text.ts";
import type { ResultJson } from "../types.ts";
import { Badge, type Tone } from "./badge.tsx";

const tones: Record<ResultJson["state"], Tone> = {
  accepted: "info",
  executing: "info",
  succeeded: "good",
  failed: "bad",
  expired: "warn",
};

/** The gateway's own text, with times of this browser's zone; of a confirmation it only names the command. */
function inPlainWords(text: string): string {
  if (/^[\w-]{8,} is carried out$/.test(text)) return commandWords.value.confirmation;
  return text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (iso) => formatMoment(iso));
}

/** How far a command is, and why it went no further. */
export function CommandResult({ result }: { result: ResultJson }) {
  const t = commandWords.value;
  const { state, stage, code, text, verified, unchanged } = result;
  const more = [
    stage && !result.last && wordOf(t.stages, stage),
    code && wordOf(t.codes, code),
    verified && t.readBack,
    unchanged && t.unchanged,
  ].filter(Boolean);
  return (
    <span class="steps">
      <Badge
        tone={tones[state]}
        text={t.states[state]}
        {...(tones[state] === "info" ? { icon: stage === "armed" ? "clock" : "spinner" } : {})}
      />
      {more.length > 0 && <span>{more.join(", ")}</span>}
      {text && text !== code && <small class="quiet">{inPlainWords(text)}</small>}
    </span>
  );
}

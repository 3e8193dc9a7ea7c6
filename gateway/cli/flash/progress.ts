import type { CliContext } from "../context.ts";
import type { Language } from "../register-words.ts";
import { duration } from "../scan-words.ts";
import { size, words } from "./words.ts";
import type { Progress } from "./write-image.ts";

/** Shows how far it is: one line that changes on a terminal, one line for each phase elsewhere, or JSON once a second. */
export function showProgress(
  context: CliContext,
  {
    language,
    json,
    monotonic,
  }: { readonly language: Language; readonly json: boolean; readonly monotonic: () => number },
): { readonly tell: (progress: Progress) => void; readonly end: () => void } {
  let phase: Progress["phase"] | undefined;
  let began = 0;
  let shown = Number.NEGATIVE_INFINITY;
  const isTerminal = context.columns !== undefined;
  const end = () => {
    if (!json && isTerminal && phase !== undefined) context.err("\n");
    phase = undefined;
  };
  return {
    end,
    tell(progress) {
      const now = monotonic();
      const isNew = progress.phase !== phase;
      const isLast = progress.done >= progress.total;
      if (isNew) {
        if (!json && isTerminal && phase !== undefined) context.err("\n");
        phase = progress.phase;
        began = now;
      }
      if (!isNew && !isLast && now - shown < (json ? 1000 : 200)) return;
      shown = now;
      const seconds = (now - began) / 1000;
      const speed = seconds > 0.2 ? progress.done / seconds : undefined;
      const left = speed === undefined || speed === 0 ? undefined : (progress.total - progress.done) / speed;
      if (json) {
        const bytesPerSecond = speed === undefined ? undefined : Math.round(speed);
        const secondsLeft = left === undefined ? undefined : Math.ceil(left);
        context.out(`${JSON.stringify({ event: "progress", ...progress, bytesPerSecond, secondsLeft })}\n`);
        return;
      }
      const name = words[language].phases[progress.phase];
      if (!isTerminal) {
        if (isNew) context.err(`${name}\n`);
        return;
      }
      const isBytes = progress.total > 1;
      const parts = [
        name,
        ...(isBytes ? [`${Math.floor((100 * progress.done) / progress.total)} %`] : []),
        ...(isBytes && speed !== undefined ? [`${size(speed)}/s`] : []),
        ...(isBytes && left !== undefined && !isLast ? [words[language].left(duration(left))] : []),
      ];
      // Clears to the end of the line (ECMA-48, EL), for a shorter text than the last.
      context.err(`\r${parts.join("  ").slice(0, context.columns)}\u001b[K`);
    },
  };
}

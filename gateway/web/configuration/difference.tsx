import { configurationWords } from "./configuration.words.ts";
import { diffLines, excerpt } from "./diff.ts";

export function Diff({ before, after }: { before: string; after: string }) {
  const t = configurationWords.value;
  const lines = excerpt(diffLines(before, after));
  if (lines.every((line) => line === undefined || line.kind === "same"))
    return <p class="quiet">{t.noDifference}</p>;
  return (
    // A region that scrolls can be reached with the keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <section class="diff" tabIndex={0} aria-label={t.difference}>
      <pre>
        {lines.map((line, index) => (
          <span key={index} class={line?.kind}>
            {line === undefined
              ? t.leftOut
              : `${{ same: " ", added: "+", taken: "−" }[line.kind]} ${line.text}`}
          </span>
        ))}
      </pre>
    </section>
  );
}

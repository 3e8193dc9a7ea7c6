import { Card } from "../components/card.tsx";
import { Notice } from "../components/error-box.tsx";
import { say } from "../text/text.ts";
import type { WiringFound } from "../types.ts";
import { More } from "./parts.tsx";
import { words } from "./words.ts";

/** What is probably wrong with a line, in words, and what to try. */
export function Diagnosis({ finding }: { finding: WiringFound }) {
  const text = words().lines;
  const { fault, likely, message, fixes, evidence, unit } = finding;
  if (fault === "none")
    return (
      <Notice tone="good">
        <p>
          <strong>{text.wiringFine}</strong>
        </p>
        <p>{say(message)}</p>
      </Notice>
    );
  return (
    <Card title={text.diagnoses[fault]} level={3} tone={likely >= 0.5 ? "bad" : "warn"}>
      <p class="quiet">{text.likely(Math.round(likely * 100))}</p>
      <p>{say(message)}</p>
      {unit && <p>{text.onlyUnit(unit)}</p>}
      {fixes.length > 0 && (
        <>
          <p>
            <strong>{text.tryThis}</strong>
          </p>
          <ol class="wz-fixes">
            {fixes.map((fix) => (
              <li key={fix.en}>{say(fix)}</li>
            ))}
          </ol>
        </>
      )}
      {evidence.length > 0 && (
        <More summary={text.why}>
          <ul class="wz-fixes">
            {evidence.map((one) => (
              <li key={one.en}>{say(one)}</li>
            ))}
          </ul>
        </More>
      )}
    </Card>
  );
}

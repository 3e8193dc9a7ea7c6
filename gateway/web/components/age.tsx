import { second } from "../browser.ts";
import { formatAge, formatMoment } from "../format.ts";
import { sinceIso } from "../live.ts";
import { language } from "../preferences.ts";
import { words } from "../text/text.ts";

/** How long ago a moment of the gateway was, counting on. */
export function Age({ iso }: { iso: string | undefined }) {
  if (iso === undefined) return <span>{words.value.common.never}</span>;
  const age = sinceIso(iso, second.value);
  return (
    <time class="numbers" dateTime={iso} title={formatMoment(iso)}>
      {age < 1000 ? words.value.common.justNow : words.value.common.ago(formatAge(age, language.value))}
    </time>
  );
}

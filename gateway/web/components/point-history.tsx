import { useState } from "preact/hooks";
import { ApiError } from "../api.ts";
import { now } from "../browser.ts";
import { formatNumber, formatUnit } from "../format.ts";
import { clockAhead } from "../live.ts";
import { deviceWords } from "../pages/devices.words.ts";
import { language } from "../preferences.ts";
import { words } from "../text/text.ts";
import type { HistoryJson } from "../types.ts";
import { Empty, Loading } from "./card.tsx";
import { Chart } from "./chart.tsx";
import { ErrorBox } from "./error-box.tsx";
import { Choices } from "./field.tsx";
import { useAsk } from "./use-ask.ts";

const hour = 3_600_000;
/** How far back, and how many rows that makes: means of a part of it where it is long. */
const spans = {
  "1h": { ms: hour, every: undefined },
  "6h": { ms: 6 * hour, every: "30s" },
  "24h": { ms: 24 * hour, every: "2m" },
  "7d": { ms: 168 * hour, every: "15m" },
  "30d": { ms: 720 * hour, every: "1h" },
} as const;
type Span = keyof typeof spans;
const names: readonly Span[] = ["1h", "6h", "24h", "7d", "30d"];

/** What is kept of one point, as a line. */
export function PointHistory({
  device,
  point,
  unit,
}: {
  device: string;
  point: string;
  unit: string | undefined;
}) {
  const t = deviceWords.value;
  const [span, setSpan] = useState<Span>("1h");
  const [to, setTo] = useState(() => now() + (clockAhead.peek() ?? 0));
  const { ms, every } = spans[span];
  const query = new URLSearchParams({
    device,
    point,
    from: String(Math.round(to - ms)),
    to: String(Math.round(to)),
    ...(every === undefined ? {} : { every }),
  });
  const history = useAsk<HistoryJson>(`/v1/history?${query}`);
  const rows = (history.data?.series ?? []).flatMap((series) => series.rows);
  const numbers = rows.map(({ value }) => value).filter((value) => typeof value === "number");
  const text = (value: number) => `${formatNumber(value, language.value)} ${formatUnit(unit)}`.trim();
  return (
    <div class="stack">
      <Choices
        label={t.span}
        value={span}
        choose={(chosen) => {
          setSpan(names.find((one) => one === chosen) ?? "1h");
          setTo(now() + (clockAhead.peek() ?? 0));
        }}
        choices={names.map((value) => ({ value, text: t.spans[value] }))}
      />
      {history.error instanceof ApiError && history.error.code === "no-history" ? (
        <Empty text={t.historyOff} />
      ) : history.error !== undefined ? (
        <ErrorBox error={history.error} retry={history.reload} />
      ) : history.loading ? (
        <Loading text={words.value.common.loading} />
      ) : numbers.length === 0 ? (
        <Empty text={t.historyNone} />
      ) : (
        <>
          <p class="numbers">
            {t.summary(
              text(numbers.reduce((least, value) => Math.min(least, value))),
              text(numbers.reduce((most, value) => Math.max(most, value))),
              formatNumber(numbers.length, language.value),
            )}
          </p>
          <Chart rows={rows} from={to - ms} to={to} />
        </>
      )}
    </div>
  );
}

import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { formatNumber } from "../format.ts";
import { language, theme } from "../preferences.ts";
import type { HistoryJson } from "../types.ts";

type Row = HistoryJson["series"][number]["rows"][number];

/** A gap in what is kept is a gap in the line: a value that is not good has no place in it. */
function dataOf(rows: readonly Row[]): uPlot.AlignedData {
  const sorted = [...rows].sort((one, other) => one.time - other.time);
  return [
    sorted.map(({ time }) => time / 1000),
    sorted.map(({ value }) => (typeof value === "number" ? value : null)),
  ];
}

/** A line over time. The words beside it say the same to who cannot see it. */
export function Chart({ rows, from, to }: { rows: readonly Row[]; from: number; to: number }) {
  const place = useRef<HTMLDivElement>(null);
  const spoken = language.value;
  const look = theme.value;
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    let chart: uPlot | undefined;
    let watching: ResizeObserver | undefined;
    let over = false;
    void Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]).then(([{ default: UPlot }]) => {
      if (over) return;
      const style = getComputedStyle(element);
      const colour = (name: string) => {
        element.style.color = `var(${name})`;
        const { color } = style;
        element.style.color = "";
        return color;
      };
      const axis = {
        stroke: colour("--quiet"),
        grid: { stroke: colour("--line"), width: 1 },
        ticks: { show: false },
      };
      const size = () => ({ width: Math.max(200, element.clientWidth), height: 240 });
      const two = (value: number) => String(value).padStart(2, "0");
      chart = new UPlot(
        {
          ...size(),
          legend: { show: false },
          cursor: { drag: { x: false, y: false }, points: { show: false } },
          scales: { x: { min: from / 1000, max: to / 1000 } },
          series: [{}, { stroke: colour("--accent"), width: 2, points: { show: rows.length < 60, size: 5 } }],
          axes: [
            {
              ...axis,
              space: 70,
              values: (_chart, splits) =>
                splits.map((seconds) => {
                  const date = new Date(seconds * 1000);
                  return to - from > 100_000_000
                    ? `${date.getDate()}/${date.getMonth() + 1}`
                    : `${two(date.getHours())}:${two(date.getMinutes())}`;
                }),
            },
            {
              ...axis,
              size: 64,
              values: (_chart, splits) => splits.map((value) => formatNumber(value, spoken)),
            },
          ],
        },
        dataOf(rows),
        element,
      );
      watching = new ResizeObserver(() => chart?.setSize(size()));
      watching.observe(element);
    });
    return () => {
      over = true;
      watching?.disconnect();
      chart?.destroy();
    };
  }, [rows, from, to, spoken, look]);
  return <div class="chart" ref={place} aria-hidden="true" />;
}

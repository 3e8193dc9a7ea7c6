import { useState } from "preact/hooks";
import { at } from "../api.ts";
import { formatHex, formatMoment, formatNumber } from "../format.ts";
import { deviceWords } from "../pages/devices.words.ts";
import { language } from "../preferences.ts";
import type { FrameSeen } from "../types.ts";
import { Badge } from "./badge.tsx";
import { Button } from "./button.tsx";
import { Empty } from "./card.tsx";
import { useStream } from "./use-stream.ts";

const most = 60;

/** The last frames of a connection, the newest first, as they come. */
export function Frames({ connection }: { connection: string }) {
  const t = deviceWords.value;
  const [frames, setFrames] = useState<readonly FrameSeen[]>([]);
  const [paused, setPaused] = useState(false);
  const [lost, setLost] = useState(0);
  useStream<readonly FrameSeen[]>(paused ? undefined : at`/v1/frames/${connection}`, {
    open: () => setFrames([]),
    data: (seen) => setFrames((before) => [...before, ...seen].slice(-most)),
    lost: (count) => setLost((before) => before + count),
  });
  return (
    <div class="stack">
      <div class="row">
        <Button icon={paused ? "play" : "pause"} pressed={paused} press={() => setPaused(!paused)}>
          {paused ? t.goOn : t.pause}
        </Button>
        {lost > 0 && <span class="quiet">{t.framesLost(formatNumber(lost, language.value))}</span>}
      </div>
      {frames.length === 0 ? (
        <Empty text={t.noFrames} />
      ) : (
        // A region that scrolls can be reached with the keyboard.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        <section class="frames" tabIndex={0} aria-label={t.frames}>
          <ol>
            {frames.toReversed().map((frame, index) => (
              <li key={`${frame.at} ${frames.length - index}`} class="frame">
                <Badge
                  tone={frame.direction === "sent" ? "info" : "good"}
                  icon={frame.direction === "sent" ? "upload" : "download"}
                  text={frame.direction === "sent" ? t.sent : t.received}
                />
                <span class="quiet numbers">
                  {formatMoment(frame.at, true)} · {t.bytes(formatNumber(frame.bytes, language.value))}
                  {frame.hex.replaceAll(" ", "").length / 2 < frame.bytes && ` (${t.cut})`}
                </span>
                <pre>{formatHex(frame.hex)}</pre>
              </li>
            ))}
          </ol>
        </section>
      )}
    </div>
  );
}

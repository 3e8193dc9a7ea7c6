import { useState } from "preact/hooks";
import { Badge, type Tone } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { ErrorBox } from "../components/error-box.tsx";
import { Field, Select } from "../components/field.tsx";
import { Page } from "../components/page.tsx";
import { useAsk } from "../components/use-ask.ts";
import { formatMoment } from "../format.ts";
import { fieldsText, parseLogLine } from "../log-line.ts";
import type { PageRoute } from "../routes.ts";
import { wordOf, words } from "../text/text.ts";
import { logWords } from "./logs.words.ts";

export const logsRoute: PageRoute = {
  path: "logs",
  title: ({ pages }) => pages.logs,
  icon: "list",
  needs: "technician",
  page: Logs,
};

const tone = (level: number): Tone =>
  level >= 50 ? "bad" : level >= 40 ? "warn" : level >= 30 ? "info" : "off";

function Logs() {
  const t = logWords.value;
  const { common, pages } = words.value;
  const [level, setLevel] = useState("30");
  const [text, setText] = useState("");
  const [paused, setPaused] = useState(false);
  const log = useAsk<{ lines: readonly string[] }>("/v1/logs?lines=1000", paused ? undefined : 2000);
  const [frozen, setFrozen] = useState<readonly string[]>([]);
  const lines = paused ? frozen : (log.data?.lines ?? []);
  const wanted = text.trim().toLocaleLowerCase();
  const shown = lines
    .map((line, index) => ({ key: index, text: line, ...parseLogLine(line) }))
    .filter((line) => line.level >= Number(level) && line.text.toLocaleLowerCase().includes(wanted))
    .toReversed();
  return (
    <Page title={pages.logs}>
      {log.error !== undefined && <ErrorBox error={log.error} retry={log.reload} />}
      <Card>
        <div class="filters">
          <Select
            label={t.level}
            value={level}
            choose={setLevel}
            choices={Object.entries(t.levels).map(([value, name]) => ({ value, text: name }))}
          />
          <Field label={common.search} type="search" value={text} input={setText} />
          <Button
            icon={paused ? "play" : "pause"}
            pressed={paused}
            press={() => {
              setFrozen(log.data?.lines ?? []);
              setPaused(!paused);
            }}
          >
            {paused ? t.goOn : t.pause}
          </Button>
        </div>
        <p class="quiet numbers" role="status">
          {paused ? t.paused : t.count(String(shown.length), String(lines.length))}
        </p>
        {log.loading && <Loading text={common.loading} />}
        {log.data && shown.length === 0 && <Empty text={t.none} />}
        <ol>
          {shown.map(({ key, level: one, time, message, fields }) => (
            <li key={key} class="log-line">
              <span class="quiet numbers">{time === undefined ? "" : formatMoment(time, true)}</span>
              <span>
                <Badge tone={tone(one)} text={wordOf(t.levels, String(one))} />
              </span>
              <p>{message}</p>
              {Object.keys(fields).length > 0 && <pre>{fieldsText(fields)}</pre>}
            </li>
          ))}
        </ol>
      </Card>
    </Page>
  );
}

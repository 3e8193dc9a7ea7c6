import { AlarmItem } from "../components/alarm-item.tsx";
import { StateBadge } from "../components/badge.tsx";
import { Card, Empty, Fact, Facts, Loading } from "../components/card.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Page } from "../components/page.tsx";
import { Meter } from "../components/progress.tsx";
import { useAsk } from "../components/use-ask.ts";
import { formatDuration, formatNumber, formatPercent } from "../format.ts";
import { link, stateSignal } from "../live.ts";
import { language } from "../preferences.ts";
import { href } from "../router.ts";
import type { PageRoute } from "../routes.ts";
import { alarms } from "../status.ts";
import { wordOf, words } from "../text/text.ts";
import type { ConnectionStatus } from "../types.ts";
import { connectionWords } from "./connections.words.ts";

export const connectionsRoute: PageRoute = {
  path: "connections",
  title: ({ pages }) => pages.connections,
  icon: "plug",
  needs: "viewer",
  page: Connections,
};

const number = (value: number) => formatNumber(value, language.value);

function Connections() {
  const lines = useAsk<readonly ConnectionStatus[]>("/v1/connections", 3000);
  return (
    <Page title={words.value.pages.connections}>
      {lines.error !== undefined && lines.data === undefined && (
        <ErrorBox error={lines.error} retry={lines.reload} />
      )}
      {lines.loading && <Loading text={words.value.common.loading} />}
      {lines.data?.length === 0 && <Empty text={connectionWords.value.none} />}
      {lines.data?.map((line) => (
        <Line key={line.connection} line={line} />
      ))}
    </Page>
  );
}

function Line({ line }: { line: ConnectionStatus }) {
  const t = connectionWords.value;
  const state =
    link.value === "lost"
      ? "unknown"
      : (stateSignal("connection", line.connection).value?.state ?? line.state);
  const suspicions = (alarms.value ?? []).filter(({ connection }) => connection === line.connection);
  const busy = line.utilisation;
  return (
    <Card title={line.connection} actions={<StateBadge state={state} />}>
      {line.borrowedBy && (
        <Notice tone="info">
          <p>{t.borrowed(line.borrowedBy)}</p>
        </Notice>
      )}
      {line.lastError && (
        <Notice tone="bad">
          <p>
            {t.lastError}: <strong>{line.lastError.message}</strong>
          </p>
          {line.lastError.hint && <p>{line.lastError.hint}</p>}
        </Notice>
      )}
      {suspicions.length > 0 && (
        <Notice tone="warn">
          <h3>{t.suspicion}</h3>
          <ul class="stack">
            {suspicions.map((alarm) => (
              <AlarmItem key={alarm.id} alarm={alarm} />
            ))}
          </ul>
        </Notice>
      )}
      <div class="grid">
        <div class="stack">
          <div class="stack tight">
            <div class="row spread">
              <span class="quiet">{t.busy}</span>
              <strong class="numbers">{formatPercent(busy, language.value)}</strong>
            </div>
            <Meter label={t.busy} part={busy} tone={busy > 0.95 ? "bad" : busy > 0.8 ? "warn" : "good"} />
          </div>
          <Facts>
            <Fact name={t.demanded}>
              <span class="numbers">{formatPercent(line.demanded, language.value)}</span>
            </Fact>
            {line.stretch > 1 && (
              <Fact name={t.stretch}>{t.stretchBy(formatNumber(line.stretch, language.value, 1))}</Fact>
            )}
            <Fact name={t.missed}>
              <span class="numbers">{number(line.missed)}</span>
            </Fact>
            <Fact name={t.writes}>
              {t.writesText(
                number(line.writes.done),
                number(line.writes.refused),
                number(line.writes.failed),
              )}
            </Fact>
            <Fact name={t.devices}>
              <span class="row">
                {line.devices.map(({ device }) => (
                  <a key={device} class="inline-target" href={href("devices", device)}>
                    {device}
                  </a>
                ))}
              </span>
            </Fact>
          </Facts>
        </div>
        <ReplyTimes replies={line.replies} />
        <Counters title={t.errors} counts={line.errors} none={t.noErrors} />
      </div>
      {Object.keys(line.statistics).length > 0 && (
        <details class="fold">
          <summary>{t.statistics}</summary>
          <Counts counts={line.statistics} none="" />
        </details>
      )}
      {line.unknown && line.unknown.length > 0 && (
        <div class="stack">
          <h3>{t.unknown}</h3>
          <ul>
            {line.unknown.map(({ settings, name, model, heard }) => {
              const what = [
                name,
                model,
                ...Object.entries(settings).map(([key, value]) => `${key} ${value}`),
              ];
              return (
                <li key={what.join()}>{t.unknownSays(what.filter(Boolean).join(", "), number(heard))}</li>
              );
            })}
          </ul>
        </div>
      )}
    </Card>
  );
}

function Counters({
  title,
  counts,
  none,
}: {
  title: string;
  counts: Readonly<Record<string, number>>;
  none: string;
}) {
  return (
    <div class="stack">
      <h3>{title}</h3>
      <Counts counts={counts} none={none} />
    </div>
  );
}

function Counts({ counts, none }: { counts: Readonly<Record<string, number>>; none: string }) {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  if (some.length === 0) return <p class="quiet">{none || "0"}</p>;
  return (
    <Facts>
      {some.map(([code, count]) => (
        <Fact key={code} name={wordOf(connectionWords.value.counters, code)}>
          <span class="numbers">{number(count)}</span>
        </Fact>
      ))}
    </Facts>
  );
}

/** How many answers took how long, as bars with their numbers. */
function ReplyTimes({ replies: { bounds, counts } }: { replies: ConnectionStatus["replies"] }) {
  const t = connectionWords.value;
  const most = Math.max(...counts);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  return (
    <div class="stack">
      <h3>{t.replies}</h3>
      {all === 0 ? (
        <p class="quiet">{t.noReplies}</p>
      ) : (
        <>
          <ul class="histogram">
            {counts.map((count, index) => {
              if (index < first - 1 || index > last + 1) return null;
              const bound = bounds[index];
              const name =
                bound === undefined
                  ? t.longer
                  : t.upTo(bound < 1000 ? `${bound} ms` : formatDuration(bound, language.value));
              return (
                <li key={name}>
                  <span class="quiet numbers">{name}</span>
                  <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                    <rect width={(count / most) * 100} height="10" />
                  </svg>
                  <span class="numbers">{number(count)}</span>
                </li>
              );
            })}
          </ul>
          <p class="quiet numbers">{t.answers(number(all))}</p>
        </>
      )}
    </div>
  );
}

import { useEffect, useState } from "preact/hooks";
import { ask } from "../api.ts";
import { now } from "../browser.ts";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Choices, Field } from "../components/field.tsx";
import { Page } from "../components/page.tsx";
import { Table } from "../components/table.tsx";
import { formatMoment, formatNumber } from "../format.ts";
import { clockAhead } from "../live.ts";
import { fieldsText, objectOf } from "../log-line.ts";
import { language } from "../preferences.ts";
import type { PageRoute } from "../routes.ts";
import { wordOf, words } from "../text/text.ts";
import type { AuditLogJson } from "../types.ts";
import { logWords } from "./logs.words.ts";

export const auditRoute: PageRoute = {
  path: "audit",
  title: ({ pages }) => pages.audit,
  icon: "book",
  needs: "technician",
  page: Audit,
};

interface Entry {
  readonly n: number;
  readonly time: number | undefined;
  readonly what: string;
  readonly who: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What was done first; the id is for whoever looks it up elsewhere. */
function idLast({ id, ...detail }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return id === undefined ? detail : { ...detail, id };
}

/** The API tells the oldest first, a thousand at once: so many pages are asked for. */
const mostPages = 5;

function entryOf(text: string, index: number): Entry {
  const line = objectOf(text);
  const { n, time, what, who, detail } = line ?? {};
  return {
    n: typeof n === "number" ? n : -1 - index,
    time: typeof time === "number" ? time : undefined,
    what: typeof what === "string" ? what : "",
    who: typeof who === "string" ? who : "",
    detail: detail && typeof detail === "object" ? { ...detail } : {},
  };
}

async function entriesOf(
  query: Record<string, string>,
): Promise<{ entries: readonly Entry[]; more: boolean }> {
  const lines: string[] = [];
  let after: number | undefined;
  for (let page = 0; page < mostPages; page++) {
    const asked = new URLSearchParams({
      ...query,
      limit: "1000",
      ...(after === undefined ? {} : { after: String(after) }),
    });
    const answer = await ask<AuditLogJson>(`/v1/audit-log?${asked}`);
    lines.push(...answer.lines);
    after = answer.next;
    if (after === undefined) break;
  }
  return { entries: lines.map(entryOf).toReversed(), more: after !== undefined };
}

function Audit() {
  const t = logWords.value;
  const { common, pages } = words.value;
  const [days, setDays] = useState("1");
  const [who, setWho] = useState("");
  const [what, setWhat] = useState("");
  const [device, setDevice] = useState("");
  const [state, setState] = useState<Awaited<ReturnType<typeof entriesOf>>>();
  const [error, setError] = useState<unknown>();
  const look = async () => {
    const from = now() + (clockAhead.peek() ?? 0) - Number(days) * 86_400_000;
    const filters = { who, what, device, from: days === "all" ? "" : String(Math.round(from)) };
    try {
      setState(
        await entriesOf(
          Object.fromEntries(Object.entries(filters).filter(([, value]) => value.trim() !== "")),
        ),
      );
      setError(undefined);
    } catch (caught) {
      setError(caught);
    }
  };
  useEffect(() => void look(), [days]);
  return (
    <Page title={pages.audit}>
      <p>{t.auditWhy}</p>
      {error !== undefined && <ErrorBox error={error} retry={look} />}
      <Card>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void look();
          }}
        >
          <Choices
            label={t.days}
            value={days}
            choose={setDays}
            choices={Object.entries(t.day).map(([value, text]) => ({ value, text }))}
          />
          <div class="filters">
            <Field label={t.who} value={who} input={setWho} hint={t.whoHint} />
            <Field label={t.what} value={what} input={setWhat} />
            <Field label={t.device} value={device} input={setDevice} />
          </div>
          <div class="row">
            <Button type="submit">{common.search}</Button>
          </div>
        </form>
        {state?.more && (
          <Notice tone="info">
            <p>{t.older}</p>
          </Notice>
        )}
        {!state && error === undefined && <Loading text={common.loading} />}
        {state && (
          <p class="quiet numbers" role="status">
            {t.auditCount(formatNumber(state.entries.length, language.value))}
          </p>
        )}
        {state?.entries.length === 0 && <Empty text={t.none} />}
        {state && state.entries.length > 0 && (
          <Table
            caption={pages.audit}
            rows={state.entries.slice(0, 500)}
            keyOf={({ n }) => String(n)}
            columns={[
              {
                name: common.time,
                head: true,
                cell: ({ time }) => (
                  <span class="numbers">{time === undefined ? t.noTime : formatMoment(time)}</span>
                ),
              },
              { name: t.who, cell: (entry) => entry.who },
              { name: t.what, cell: (entry) => (entry.what ? wordOf(t.whats, entry.what) : t.damaged) },
              {
                name: common.details,
                cell: ({ detail }) => <span class="mono">{fieldsText(idLast(detail))}</span>,
              },
            ]}
          />
        )}
      </Card>
    </Page>
  );
}

import { useEffect, useState } from "preact/hooks";
import { ApiError, ask, at, post } from "../api.ts";
import { Age } from "../components/age.tsx";
import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { Dialog } from "../components/dialog.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Field } from "../components/field.tsx";
import { Page } from "../components/page.tsx";
import { Table } from "../components/table.tsx";
import { useAsk } from "../components/use-ask.ts";
import { tell } from "../messages.ts";
import { wordOf, words } from "../text/text.ts";
import type { ConfigurationCheck, Generation } from "../types.ts";
import { configurationWords } from "./configuration.words.ts";
import { diffLines, excerpt } from "./diff.ts";
import { Editor } from "./editor.tsx";

interface Loaded {
  readonly text: string;
  readonly hash: string;
}

/** Of a text that was not applied, the answer says what is wrong with it; of other errors they say it themselves. */
function reasonOf(error: unknown, title: string): unknown {
  if (!(error instanceof ApiError) || error.status !== 422) return error;
  const { answer } = error;
  const findings: unknown =
    answer && typeof answer === "object" ? Reflect.get(answer, "diagnostics") : undefined;
  const sections: unknown =
    answer && typeof answer === "object" ? Reflect.get(answer, "restartNeeded") : undefined;
  if (Array.isArray(sections) && sections.length > 0)
    return new ApiError(
      422,
      "not-applied",
      title,
      configurationWords.peek().restartHow(sections.map(String).map(sectionOf).join(", ")),
    );
  const [first]: unknown[] = Array.isArray(findings) ? findings : [];
  const message: unknown = first && typeof first === "object" ? Reflect.get(first, "message") : undefined;
  return typeof message === "string" ? new ApiError(422, "not-applied", title, message) : error;
}

/** A part of gateway.yaml as it is called there. */
const sectionOf = (part: string): string => (part === "derived" ? "derivedPoints" : part);

export function Configuration() {
  const t = configurationWords.value;
  const { common, pages } = words.value;
  const [loaded, setLoaded] = useState<Loaded>();
  const [error, setError] = useState<unknown>();
  const [text, setText] = useState("");
  const [checked, setChecked] = useState<{ text: string; check: ConfigurationCheck }>();
  const [asking, setAsking] = useState(false);
  const schema = useAsk<unknown>("/v1/configuration/schema");
  const generations = useAsk<readonly Generation[]>("/v1/configuration/generations");

  const load = async () => {
    try {
      const now = await ask<Loaded>("/v1/configuration");
      setLoaded(now);
      setText(now.text);
      setChecked(undefined);
      setError(undefined);
    } catch (caught) {
      setError(caught);
    }
  };
  useEffect(() => void load(), []);

  const check = async () => {
    const result = await post<ConfigurationCheck>("/v1/configuration/check", { text });
    setChecked({ text, check: result });
  };
  const applied = async () => {
    setAsking(false);
    await Promise.all([load(), generations.reload()]);
    tell(t.applied);
  };
  // What was checked says nothing of what was typed since.
  const current = checked?.text === text ? checked.check : undefined;
  const sound =
    current &&
    !current.diagnostics.some(({ severity }) => severity === "error") &&
    !(current.restartNeeded && current.restartNeeded.length > 0);
  return (
    <Page title={pages.configuration}>
      {error !== undefined && <ErrorBox error={error} retry={load} />}
      {!loaded && error === undefined && <Loading text={common.loading} />}
      {loaded && (
        <>
          <Card title="gateway.yaml">
            {loaded.text.includes("***") && <p class="quiet">{t.secrets}</p>}
            <Editor
              text={text}
              input={setText}
              diagnostics={checked?.check.diagnostics ?? []}
              schema={schema.data}
            />
            <div class="row">
              <Button kind={sound ? "plain" : "primary"} press={check}>
                {t.check}
              </Button>
              <Button
                kind={sound ? "primary" : "plain"}
                disabled={!sound || text === loaded.text}
                press={() => setAsking(true)}
              >
                {t.apply}
              </Button>
              <Button kind="quiet" disabled={text === loaded.text} press={() => setText(loaded.text)}>
                {t.reset}
              </Button>
            </div>
            <div role="status">{current ? <Plan check={current} /> : <p class="quiet">{t.checking}</p>}</div>
          </Card>
          {text !== loaded.text && (
            <Card title={t.difference}>
              <Diff before={loaded.text} after={text} />
            </Card>
          )}
          <Card title={t.generations}>
            {generations.error !== undefined && (
              <ErrorBox error={generations.error} retry={generations.reload} />
            )}
            {generations.data?.length === 0 && <Empty text={t.noGenerations} />}
            {generations.data && generations.data.length > 0 && (
              <Generations list={generations.data} text={loaded.text} applied={applied} />
            )}
          </Card>
        </>
      )}
      {asking && loaded && (
        <Apply text={text} hash={loaded.hash} close={() => setAsking(false)} applied={applied} load={load} />
      )}
    </Page>
  );
}

function Plan({ check }: { check: ConfigurationCheck }) {
  const t = configurationWords.value;
  const { diagnostics, changes = [], restartNeeded = [] } = check;
  if (diagnostics.some(({ severity }) => severity === "error"))
    return (
      <Notice tone="bad">
        <p>{t.wrong}</p>
      </Notice>
    );
  return (
    <div class="stack">
      <Notice tone="good">
        <p>{t.allRight}</p>
      </Notice>
      <h3>{t.changes}</h3>
      {changes.length === 0 ? (
        <p class="quiet">{t.noChanges}</p>
      ) : (
        <ul class="stack tight">
          {changes.map((change) => (
            <li key={change}>{change}</li>
          ))}
        </ul>
      )}
      {restartNeeded.length > 0 && (
        <Notice tone="warn">
          <h3>{t.restart}</h3>
          <p>{t.restartHow(restartNeeded.map(sectionOf).join(", "))}</p>
        </Notice>
      )}
    </div>
  );
}

function Apply({
  text,
  hash,
  close,
  applied,
  load,
}: {
  text: string;
  hash: string;
  close: () => void;
  applied: () => Promise<void>;
  load: () => Promise<void>;
}) {
  const t = configurationWords.value;
  const [note, setNote] = useState("");
  const [error, setError] = useState<unknown>();
  const apply = async () => {
    try {
      const body = { text, hash, ...(note.trim() === "" ? {} : { note: note.trim() }) };
      await post("/v1/configuration/apply", body);
      await applied();
    } catch (caught) {
      setError(reasonOf(caught, t.notApplied));
    }
  };
  const meanwhile = error instanceof ApiError && error.code === "changed-meanwhile";
  return (
    <Dialog
      title={t.applyAsk}
      close={close}
      actions={
        <>
          <Button press={close}>{words.value.common.cancel}</Button>
          {meanwhile ? (
            <Button
              kind="primary"
              press={async () => {
                await load();
                close();
              }}
            >
              {t.load}
            </Button>
          ) : (
            <Button kind="primary" press={apply}>
              {t.apply}
            </Button>
          )}
        </>
      }
    >
      <Field label={t.note} value={note} input={setNote} />
      {meanwhile ? (
        <Notice tone="bad">
          <p>{t.changedMeanwhile}</p>
        </Notice>
      ) : (
        error !== undefined && <ErrorBox error={error} />
      )}
    </Dialog>
  );
}

function Diff({ before, after }: { before: string; after: string }) {
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

function Generations({
  list,
  text,
  applied,
}: {
  list: readonly Generation[];
  text: string;
  applied: () => Promise<void>;
}) {
  const t = configurationWords.value;
  const [shown, setShown] = useState<{ number: number; text: string }>();
  const [rolling, setRolling] = useState<number>();
  const compare = async (number: number) => {
    const { text: old } = await ask<{ text: string }>(at`/v1/configuration/generations/${number}`);
    setShown({ number, text: old });
  };
  const rollBack = async (generation: number) => {
    setRolling(undefined);
    await post("/v1/configuration/roll-back", { generation }).catch((caught: unknown) => {
      throw reasonOf(caught, t.notApplied);
    });
    setShown(undefined);
    await applied();
  };
  return (
    <>
      <Table
        caption={t.generations}
        rows={list.toSorted((one, other) => other.number - one.number)}
        keyOf={({ number }) => String(number)}
        columns={[
          {
            name: t.number,
            head: true,
            cell: ({ number, current }) => (
              <span class="row">
                {number} {current && <Badge tone="good" text={t.current} />}
              </span>
            ),
          },
          { name: words.value.common.time, cell: ({ at: iso }) => <Age iso={iso} /> },
          { name: t.by, cell: ({ by }) => wordOf(t.byWhom, by) },
          { name: t.noteName, cell: ({ note }) => note ?? "–" },
          {
            name: "",
            cell: ({ number, current }) =>
              current ? null : (
                <span class="row">
                  <Button label={`${t.show} ${number}`} press={() => compare(number)}>
                    {t.show}
                  </Button>
                  <Button label={`${t.rollBack} ${number}`} kind="danger" press={() => setRolling(number)}>
                    {t.rollBack}
                  </Button>
                </span>
              ),
          },
        ]}
      />
      {shown && (
        <div class="stack">
          <h3>{t.compared(String(shown.number))}</h3>
          <Diff before={shown.text} after={text} />
        </div>
      )}
      {rolling !== undefined && (
        <Dialog
          title={t.rollBackAsk(String(rolling))}
          close={() => setRolling(undefined)}
          actions={
            <>
              <Button press={() => setRolling(undefined)}>{words.value.common.cancel}</Button>
              <Button kind="danger" press={() => rollBack(rolling)}>
                {t.rollBack}
              </Button>
            </>
          }
        >
          <p>{t.rollBackMore}</p>
        </Dialog>
      )}
    </>
  );
}

import { useEffect, useState } from "preact/hooks";
import { ask, post } from "../api.ts";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Page } from "../components/page.tsx";
import { useAsk } from "../components/use-ask.ts";
import { tell } from "../messages.ts";
import { words } from "../text/text.ts";
import type { ConfigurationCheck, Generation } from "../types.ts";
import { Apply } from "./apply.tsx";
import { configurationWords } from "./configuration.words.ts";
import { Diff } from "./difference.tsx";
import { Editor } from "./editor.tsx";
import { Generations } from "./generations.tsx";
import { sectionOf } from "./not-applied.ts";

interface Loaded {
  readonly text: string;
  readonly hash: string;
}

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

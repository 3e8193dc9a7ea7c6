import { useState } from "preact/hooks";
import { ask, at, post } from "../api.ts";
import { Age } from "../components/age.tsx";
import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Table } from "../components/table.tsx";
import { wordOf, words } from "../text/text.ts";
import type { Generation } from "../types.ts";
import { configurationWords } from "./configuration.words.ts";
import { Diff } from "./difference.tsx";
import { reasonOf } from "./not-applied.ts";

export function Generations({
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

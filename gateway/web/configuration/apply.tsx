import { useState } from "preact/hooks";
import { ApiError, post } from "../api.ts";
import { Button } from "../components/button.tsx";
import { Dialog } from "../components/dialog.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Field } from "../components/field.tsx";
import { words } from "../text/text.ts";
import { configurationWords } from "./configuration.words.ts";
import { reasonOf } from "./not-applied.ts";

export function Apply({
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

import { useState } from "preact/hooks";
import { second } from "../browser.ts";
import { confirm } from "../commands.ts";
import { formatDuration } from "../format.ts";
import { commandWords } from "../pages/commands.words.ts";
import { language } from "../preferences.ts";
import { words } from "../text/text.ts";
import type { ResultJson } from "../types.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Notice } from "./error-box.tsx";

/** The second step of a two-step command: a question of its own, for as long as the gateway waits. */
export function ConfirmCommand({
  armed,
  since,
  waitsMs,
  value,
  point,
  close,
}: {
  armed: ResultJson;
  /** When it was armed, unix ms of this browser. */
  since: number;
  waitsMs: number;
  value: string;
  point: string;
  close: () => void;
}) {
  const t = commandWords.value;
  const [opened] = useState(since);
  const left = Math.max(0, opened + waitsMs - second.value);
  const over = left === 0 || armed.last;
  return (
    <Dialog
      title={t.confirmTitle}
      close={close}
      actions={
        <>
          <Button press={close}>{words.value.common.cancel}</Button>
          <Button
            kind="primary"
            disabled={over}
            press={async () => {
              await confirm(armed);
              close();
            }}
          >
            {t.confirm}
          </Button>
        </>
      }
    >
      <p>
        <strong>{t.confirmAsk(value, point)}</strong>
      </p>
      <Notice tone="warn">
        <p>{t.confirmWhy}</p>
      </Notice>
      <div>
        <p class="quiet">{over ? t.tooLate : t.left}</p>
        <p class="countdown numbers" role="timer">
          {formatDuration(left, language.value)}
        </p>
      </div>
    </Dialog>
  );
}

import { errorWords } from "../messages.ts";
import { words } from "../text/text.ts";
import { Button } from "./button.tsx";
import { Icon } from "./icon.tsx";

/** What went wrong, what to do, and a way to try again. */
export function ErrorBox({ error, retry }: { error: unknown; retry?: () => unknown }) {
  const { title, detail, hint, code } = errorWords(error);
  return (
    <div class="notice tone-bad" role="alert">
      <Icon name="stop" />
      <div>
        <p>
          <strong>{title}</strong>
        </p>
        {detail && <p>{detail}</p>}
        {hint && (
          <p>
            {words.value.common.hint}: {hint}
          </p>
        )}
        {code && <p class="quiet">{words.value.errors.code(code)}</p>}
        {retry && <Button press={retry}>{words.value.common.retry}</Button>}
      </div>
    </div>
  );
}

/** Something to know, in a box. */
export function Notice({
  tone,
  children,
}: {
  tone: "info" | "warn" | "good" | "bad";
  children: preact.ComponentChildren;
}) {
  const icons = { info: "info", warn: "warning", good: "check", bad: "stop" } as const;
  return (
    <div class={`notice tone-${tone}`}>
      <Icon name={icons[tone]} />
      <div>{children}</div>
    </div>
  );
}

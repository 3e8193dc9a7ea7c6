import { drop, shown } from "../messages.ts";
import { words } from "../text/text.ts";
import { Button } from "./button.tsx";
import { Icon } from "./icon.tsx";

/** Where messages are seen and heard. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.value.map(({ id, tone, text }) => (
        <div key={id} class={`toast tone-${tone}`}>
          <Icon name={tone === "good" ? "check" : "stop"} />
          <span class="toast-text">{text}</span>
          <Button kind="quiet" icon="cross" label={words.value.common.close} press={() => drop(id)} />
        </div>
      ))}
    </div>
  );
}

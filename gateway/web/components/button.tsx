import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { showError } from "../messages.ts";
import { words } from "../text/text.ts";
import { Icon, type IconName } from "./icon.tsx";

/**
 * A button. Where `press` gives a promise it is busy until that settles, and a rejection is told as a toast
 * unless whoever pressed deals with it.
 */
export function Button({
  press,
  children,
  kind = "plain",
  icon,
  disabled,
  type = "button",
  label,
  pressed,
  busy,
}: {
  press?: () => unknown;
  children?: ComponentChildren;
  kind?: "plain" | "primary" | "danger" | "quiet";
  icon?: IconName;
  disabled?: boolean;
  type?: "button" | "submit";
  /** For screen readers, where the button shows a picture alone. */
  label?: string;
  /** Of a button that stays down. */
  pressed?: boolean;
  /** Of a form's button, whose form is being sent. */
  busy?: boolean;
}) {
  const [pressing, setPressing] = useState(false);
  const here = useRef(true);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);
  const working = pressing || busy === true;
  const onClick = async () => {
    if (working || !press) return;
    const result = press();
    if (!(result instanceof Promise)) return;
    setPressing(true);
    try {
      await result;
    } catch (error) {
      showError(error);
    } finally {
      if (here.current) setPressing(false);
    }
  };
  return (
    <button
      type={type}
      class={`button button-${kind}`}
      disabled={disabled}
      aria-busy={working}
      aria-disabled={working || undefined}
      aria-label={label}
      aria-pressed={pressed}
      onClick={() => void onClick()}
    >
      {working ? <Icon name="spinner" /> : icon && <Icon name={icon} />}
      {children}
      {working && <span class="hidden">{words.value.common.working}</span>}
    </button>
  );
}

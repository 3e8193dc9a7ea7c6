import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A part of a page under a heading of its own (h2, or h3 inside another part). */
export function Card({
  title,
  level = 2,
  actions,
  children,
  tone,
}: {
  title?: string;
  level?: 2 | 3;
  actions?: ComponentChildren;
  tone?: "good" | "warn" | "bad";
  children: ComponentChildren;
}) {
  const id = useId();
  const Heading = level === 2 ? "h2" : "h3";
  return (
    <section class={`card${tone ? ` card-${tone}` : ""}`} aria-labelledby={title ? id : undefined}>
      {(title || actions) && (
        <div class="card-head">
          {title && <Heading id={id}>{title}</Heading>}
          {actions && <div class="card-actions">{actions}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

/** Words and what they stand for, one below the other on a phone. */
export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Nothing is here, and why. */
export function Empty({ text, children }: { text: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p>{text}</p>
      {children}
    </div>
  );
}

/** Something is being fetched. */
export function Loading({ text }: { text: string }) {
  return (
    <p class="loading" role="status">
      {text} …
    </p>
  );
}

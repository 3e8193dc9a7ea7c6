import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { href } from "../router.ts";
import { status } from "../status.ts";
import { words } from "../text/text.ts";
import { Icon } from "./icon.tsx";

/** A page: its title in the tab and as h1, which takes the focus when the page comes. */
export function Page({
  title,
  actions,
  back,
  children,
}: {
  title: string;
  actions?: ComponentChildren;
  /** Where the page above is. */
  back?: { readonly path: readonly string[]; readonly title: string };
  children: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  const gateway = status.value?.gateway;
  useEffect(() => {
    document.title = [title, gateway, words.value.name].filter(Boolean).join(" · ");
  }, [title, gateway]);
  useEffect(() => {
    // Not at the first page: there the browser's own order is right.
    if (visited) heading.current?.focus({ preventScroll: true });
    visited = true;
  }, []);
  return (
    <>
      {back && (
        <nav aria-label={words.value.common.back}>
          <a class="back" href={href(...back.path)}>
            <Icon name="back" />
            {back.title}
          </a>
        </nav>
      )}
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions}
      </div>
      {children}
    </>
  );
}

let visited = false;

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** Whether an element is on the screen or near it: what nobody sees need not follow what comes. */
export function useVisible<E extends Element>(): readonly [RefObject<E | null>, boolean] {
  const element = useRef<E>(null);
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const watching = new IntersectionObserver(
      (entries) => setVisible(entries.some(({ isIntersecting }) => isIntersecting)),
      { rootMargin: "200px" },
    );
    watching.observe(element.current);
    return () => watching.disconnect();
  }, []);
  return [element, visible];
}

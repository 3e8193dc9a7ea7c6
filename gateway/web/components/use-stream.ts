import { useEffect, useRef } from "preact/hooks";
import { follow, type StreamHandlers } from "../events.ts";

/** Follows server-sent events while the part of the page is there; `path` undefined: nothing. */
export function useStream<T>(path: string | undefined, handlers: StreamHandlers<T>): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    if (path === undefined) return;
    const stream = follow<T>(path, {
      data: (data) => latest.current.data(data),
      open: () => latest.current.open?.(),
      lost: (count) => latest.current.lost?.(count),
      down: () => latest.current.down?.(),
      isLast: (data) => latest.current.isLast?.(data) ?? false,
    });
    return () => stream.close();
  }, [path]);
}

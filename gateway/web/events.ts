import { ask, lastAnswer, unreachable } from "./api.ts";
import { after, chance, now, type Timer } from "./browser.ts";
import { pauseMs } from "./pause.ts";

export interface Stream {
  close(): void;
}

export interface StreamHandlers<T> {
  /** The `data` of one event. */
  readonly data: (data: T) => void;
  /** It was opened, for the first time or again: what comes first is all there is. */
  readonly open?: () => void;
  /** So many were left out at most, because this browser was too slow. */
  readonly lost?: (count: number) => void;
  /** It is gone, and comes back by itself. */
  readonly down?: () => void;
  /** Stop for good after this event: a job that has ended. */
  readonly isLast?: (data: T) => boolean;
}

/**
 * Server-sent events of the gateway. Comes back by itself after a loss, and rests while the page is hidden: a
 * browser opens six connections to one server over HTTP/1.1, for all its tabs together.
 */
export function follow<T>(path: string, handlers: StreamHandlers<T>): Stream {
  let source: EventSource | undefined;
  let timer: Timer | undefined;
  let failures = 0;
  let closed = false;

  const stop = () => {
    source?.close();
    source = undefined;
    timer?.stop();
    timer = undefined;
  };
  const close = () => {
    closed = true;
    document.removeEventListener("visibilitychange", look);
    stop();
  };
  const open = () => {
    stop();
    const opened = new EventSource(path);
    source = opened;
    opened.onopen = () => {
      failures = 0;
      lastAnswer.value = now();
      unreachable.value = false;
      handlers.open?.();
    };
    opened.onmessage = ({ data }: MessageEvent<string>) => {
      lastAnswer.value = now();
      const parsed: T = JSON.parse(data);
      handlers.data(parsed);
      if (handlers.isLast?.(parsed)) close();
    };
    opened.addEventListener("lost", ({ data }: MessageEvent<string>) => handlers.lost?.(Number(data)));
    opened.onerror = () => {
      if (closed) return;
      stop();
      handlers.down?.();
      // An EventSource does not say why: the session may be over, which this request finds out.
      ask("/v1/session").catch(() => {});
      timer = after(pauseMs(failures++, chance()), () => look());
    };
  };
  const look = () => {
    if (closed) return;
    if (document.hidden) stop();
    else if (!source) open();
  };
  document.addEventListener("visibilitychange", look);
  look();
  return { close };
}

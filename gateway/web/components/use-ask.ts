import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api.ts";
import { after, type Timer } from "../browser.ts";

export interface Asked<T> {
  /** The last answer, also while an error stands beside it. */
  readonly data: T | undefined;
  readonly error: unknown;
  readonly loading: boolean;
  reload(): Promise<void>;
}

/**
 * What the gateway answers to a GET, again every `everyMs` while the page is seen. `path` undefined: nothing
 * is asked.
 */
export function useAsk<T>(path: string | undefined, everyMs?: number): Asked<T> {
  const [state, setState] = useState<{ path?: string | undefined; data?: T; error?: unknown }>({});
  const current = useRef<AbortController>(null);

  const look = useCallback(async () => {
    if (path === undefined) return;
    current.current?.abort();
    const asking = new AbortController();
    current.current = asking;
    try {
      const data = await ask<T>(path, { signal: asking.signal });
      if (!asking.signal.aborted) setState({ path, data });
    } catch (error) {
      if (!asking.signal.aborted)
        setState((before) => ({ ...(before.path === path ? before : {}), path, error }));
    }
  }, [path]);

  useEffect(() => {
    let timer: Timer | undefined;
    let over = false;
    const again = async () => {
      if (!document.hidden) await look();
      if (!over && everyMs !== undefined) timer = after(everyMs, () => void again());
    };
    void again();
    return () => {
      over = true;
      timer?.stop();
      current.current?.abort();
    };
  }, [look, everyMs]);

  const mine = state.path === path ? state : {};
  return {
    data: mine.data,
    error: mine.error,
    loading: path !== undefined && mine.data === undefined && mine.error === undefined,
    reload: look,
  };
}

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { words } from "../text/text.ts";
import { Loading } from "./card.tsx";
import { ErrorBox } from "./error-box.tsx";

/** A page whose code comes when somebody opens it. */
export function lazy<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined;
  return function Lazy(props: Props) {
    const [, again] = useState(0);
    const [error, setError] = useState<unknown>();
    useEffect(() => {
      if (loaded) return;
      load().then(
        (component) => {
          loaded = component;
          again((count) => count + 1);
        },
        (caught: unknown) => setError(caught),
      );
    }, []);
    if (error !== undefined) return <ErrorBox error={error} retry={() => location.reload()} />;
    const Loaded = loaded;
    return Loaded ? <Loaded {...props} /> : <Loading text={words.value.common.loading} />;
  };
}

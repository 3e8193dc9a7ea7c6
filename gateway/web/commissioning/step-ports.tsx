import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Badge } from "../components/badge.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { Notice } from "../components/error-box.tsx";
import { say, wordOf } from "../text/text.ts";
import type { PortFacts } from "../types.ts";
import { Commands, More } from "./parts.tsx";
import { loadPorts, loadStatus, ports, useRefresh } from "./store.ts";
import { words } from "./words.ts";

const loads = [loadPorts, loadStatus];

export function PortsStep() {
  // An adapter that is plugged in appears while one looks.
  useRefresh(loads, 2000);
  const text = words().ports;
  const all = ports.value;
  const change = useChange(all);
  return (
    <>
      <p role="status" class="wz-change">
        {change}
      </p>
      {!all && <Loading text={words().loading} />}
      {all?.length === 0 && (
        <Empty text={text.none}>
          <p class="quiet">{text.noneHint}</p>
        </Empty>
      )}
      {all?.map((port) => (
        <PortCard key={port.name} port={port} />
      ))}
    </>
  );
}

/** What came or went since the step was opened, for those who do not see the list. */
function useChange(all: readonly PortFacts[] | undefined): string {
  const before = useSignal<readonly PortFacts[] | undefined>(undefined);
  const said = useSignal("");
  useEffect(() => {
    if (!all) return;
    const old = before.value;
    before.value = all;
    if (!old) return;
    const { appeared, gone } = words().ports;
    const has = (list: readonly PortFacts[], name: string) => list.some((one) => one.name === name);
    const came = all.find(({ name }) => !has(old, name));
    const went = old.find(({ name }) => !has(all, name));
    if (came) said.value = appeared(came.what);
    else if (went) said.value = gone(went.what);
  }, [all]);
  return said.value;
}

function PortCard({ port }: { port: PortFacts }) {
  const text = words().ports;
  const others = port.names.filter((name) => name !== port.name);
  return (
    <Card
      title={wordOf(words().lines.portKinds, port.what)}
      {...(port.problem ? { tone: "bad" as const } : {})}
    >
      <p class="wz-name">{port.name}</p>
      <p>
        {port.connection ? (
          <Badge tone="info" text={text.usedBy(port.connection)} />
        ) : port.problem ? (
          <Badge tone="bad" text={text.problem} />
        ) : (
          <Badge tone="good" text={text.free} />
        )}
      </p>
      {port.problem && (
        <Notice tone="bad">
          <p>
            <Commands text={say(port.problem.message)} />
          </p>
          <p class="wz-fix">
            <strong>{words().whatToDo}</strong> <Commands text={say(port.problem.fix)} />
          </p>
        </Notice>
      )}
      {!port.stable && <Notice tone="warn">{text.unstable}</Notice>}
      {others.length > 0 && (
        <More summary={text.alsoKnownAs}>
          <ul class="wz-names">
            {others.map((name) => (
              <li key={name} class="wz-name">
                {name}
              </li>
            ))}
          </ul>
        </More>
      )}
    </Card>
  );
}

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { post } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { pointSignal } from "../live.ts";
import { may } from "../session.ts";
import { say, wordOf } from "../text/text.ts";
import type { DeviceVerdict } from "../types.ts";
import { ActuatorTest } from "./actuator-test.tsx";
import { Refusal, useAction } from "./parts.tsx";
import { titleOf } from "./step-check.tsx";
import { details, loadDetail, loadState, state, useRefresh } from "./store.ts";
import { valueText, words } from "./words.ts";

const loads = [loadState];

export function ActuatorsStep() {
  useRefresh(loads, 3000);
  const text = words().actuators;
  if (!state.value) return <Loading text={words().loading} />;
  const devices = state.value.devices.filter(({ actuators }) => actuators.length > 0);
  if (devices.length === 0) return <Empty text={text.none}>{null}</Empty>;
  return (
    <>
      {devices.map((device) => (
        <DeviceCard key={device.device} device={device} />
      ))}
    </>
  );
}

function DeviceCard({ device }: { device: DeviceVerdict }) {
  const text = words().actuators;
  useEffect(() => void loadDetail(device.device), [device.device]);
  return (
    <Card title={device.title ? say(device.title) : device.device}>
      <p class="quiet">{[device.device, device.place ?? ""].filter(Boolean).join(" · ")}</p>
      {device.accepted && <p>{may("operator") ? text.acceptedOperator : text.accepted}</p>}
      <ul class="wz-points">
        {device.actuators.map((actuator) => (
          <Actuator key={actuator.point} device={device} actuator={actuator} />
        ))}
      </ul>
    </Card>
  );
}

function Actuator({
  device,
  actuator,
}: {
  device: DeviceVerdict;
  actuator: DeviceVerdict["actuators"][number];
}) {
  const text = words().actuators;
  const testing = useSignal(false);
  const { error, run } = useAction();
  const detail = details.value.get(device.device)?.points.find(({ name }) => name === actuator.point);
  const title = titleOf(device.device, actuator.point);
  const reading = pointSignal(device.device, actuator.point).value;
  const verdict = device.points.find(({ point }) => point === actuator.point);
  const now = reading?.value ?? verdict?.value;
  const allowed = !device.accepted || may("operator");
  const judge = (result: "confirmed" | "rejected") =>
    run(async () => {
      await post("/v1/commissioning/checks", { device: device.device, point: actuator.point, result });
      await loadState();
    });
  return (
    <li class="wz-point">
      <div class="wz-point-head">
        <span>{title}</span>
        <strong class="numbers">
          {now === undefined ? text.unknown : valueText(now, detail?.unit, detail)}
        </strong>
      </div>
      <p class="wz-badges">
        {actuator.seen === "confirmed" && <Badge tone="good" text={words().check.seenRight} />}
        {actuator.seen === "rejected" && <Badge tone="bad" text={words().check.seenWrong} />}
        {actuator.outcome && <span class="quiet">{text.last(outcomeText(actuator.outcome))}</span>}
      </p>
      {detail?.write && allowed && !testing.value && (
        <Button
          kind={actuator.seen ? "plain" : "primary"}
          icon="play"
          press={() => {
            testing.value = true;
          }}
        >
          {actuator.seen ? text.again : text.test}
          <span class="hidden"> {title}</span>
        </Button>
      )}
      {detail?.write && testing.value && (
        <ActuatorTest
          device={device}
          point={actuator.point}
          title={title}
          unit={detail.unit}
          write={detail.write}
          labels={detail.labels}
          now={now}
          judge={judge}
          close={() => {
            testing.value = false;
          }}
        />
      )}
      <Refusal error={error.value} />
    </li>
  );
}

/** `failed: no-answer`: the last word, and why. */
function outcomeText(outcome: string): string {
  const [state = "", ...why] = outcome.split(": ");
  return [wordOf(words().actuators.states, state), ...why].join(": ");
}

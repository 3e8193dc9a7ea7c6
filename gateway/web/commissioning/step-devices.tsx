import { useSignal } from "@preact/signals";
import { at, remove } from "../api.ts";
import { Badge, stateTone } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { Dialog } from "../components/dialog.tsx";
import { tell } from "../messages.ts";
import { goTo, href, route } from "../router.ts";
import { words as pageWords, say, wordOf } from "../text/text.ts";
import type { DeviceVerdict } from "../types.ts";
import { DeviceForm } from "./device-form.tsx";
import { FoundDevice } from "./found-list.tsx";
import { Refusal, useAction } from "./parts.tsx";
import { latestFound } from "./steps.ts";
import {
  facts,
  loadJobs,
  loadPorts,
  loadProfiles,
  loadState,
  loadStatus,
  profiles,
  state,
  status,
  useRefresh,
} from "./store.ts";
import { words } from "./words.ts";

const loads = [loadState, loadJobs, loadStatus, loadPorts];
const once = [loadProfiles];
const anHour = 3_600_000;

export function DevicesStep() {
  useRefresh(loads, 5000);
  useRefresh(once, anHour);
  const chosen = route.value.path[2];
  if (!state.value || !profiles.value || !status.value) return <Loading text={words().loading} />;
  const found = latestFound(facts.value);
  const one = chosen === undefined ? undefined : found.find(({ key }) => key === chosen);
  if (one) return <DeviceForm key={one.key} found={one} added={() => goTo("commissioning", "devices")} />;
  return <Lists found={found} />;
}

function Lists({ found }: { found: ReturnType<typeof latestFound> }) {
  const text = words().devices;
  const devices = state.value?.devices ?? [];
  return (
    <>
      <Card title={text.foundHere}>
        {found.length === 0 ? (
          <Empty text={text.noneFound}>
            <a class="button button-plain" href={href("commissioning", "lines")}>
              {text.toLines}
            </a>
          </Empty>
        ) : (
          <ul class="wz-found">
            {found.map(({ key, found: device }) => (
              <li key={key}>
                <FoundDevice found={device} />
              </li>
            ))}
          </ul>
        )}
      </Card>
      {devices.length > 0 && (
        <Card title={text.inService}>
          <ul class="wz-found">
            {devices.map((device) => (
              <li key={device.device}>
                <InService device={device} />
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}

function InService({ device }: { device: DeviceVerdict }) {
  const text = words().devices;
  const asking = useSignal(false);
  const { error, run } = useAction();
  const now = status.value?.devices.find(({ id }) => id === device.device);
  const takeOut = async () => {
    const gone = await run(() => remove(at`/v1/commissioning/devices/${device.device}`));
    asking.value = false;
    if (!gone) return;
    tell(text.removed(device.device));
    await Promise.all([loadState(), loadStatus(), loadJobs()]);
  };
  return (
    <div class="wz-device">
      <p>
        <strong>{device.title ? say(device.title) : device.device}</strong>
      </p>
      <p class="quiet">
        {[device.title ? device.device : "", device.profile, device.place ?? ""].filter(Boolean).join(" · ")}
      </p>
      {now && <Badge tone={stateTone(now.state)} text={wordOf(pageWords.value.state, now.state)} />}
      {now?.problem && <p class="wz-trouble">{now.problem}</p>}
      <Button
        kind="quiet"
        press={() => {
          asking.value = true;
        }}
      >
        {text.remove}
        <span class="hidden"> {device.device}</span>
      </Button>
      <Refusal error={error.value} />
      {asking.value && (
        <Dialog
          title={text.remove}
          close={() => {
            asking.value = false;
          }}
          actions={
            <>
              <Button
                press={() => {
                  asking.value = false;
                }}
              >
                {words().cancel}
              </Button>
              <Button kind="danger" press={takeOut}>
                {text.remove}
              </Button>
            </>
          }
        >
          <p>{text.removeSure(device.device)}</p>
        </Dialog>
      )}
    </div>
  );
}

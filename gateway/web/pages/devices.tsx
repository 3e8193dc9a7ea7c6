import { useEffect, useState } from "preact/hooks";
import { Age } from "../components/age.tsx";
import { StateBadge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { ErrorBox } from "../components/error-box.tsx";
import { Field, Select } from "../components/field.tsx";
import { Page } from "../components/page.tsx";
import { Table } from "../components/table.tsx";
import { useAsk } from "../components/use-ask.ts";
import { stateCount, stateSignal } from "../live.ts";
import { href, route } from "../router.ts";
import type { PageRoute } from "../routes.ts";
import { categoryWords } from "../text/categories.ts";
import { say, wordOf, words } from "../text/text.ts";
import type { DeviceSummary } from "../types.ts";
import { DevicePage, isOwn } from "./device.tsx";
import { deviceWords } from "./devices.words.ts";

export const devicesRoute: PageRoute = {
  path: "devices",
  title: ({ pages }) => pages.devices,
  icon: "devices",
  needs: "viewer",
  tab: true,
  page: Devices,
};

const atOnce = 100;

function Devices({ rest: [id] }: { rest: readonly string[] }) {
  return id === undefined ? <DeviceList /> : <DevicePage key={id} id={id} />;
}

/** Its state as the stream tells it, else as it was listed. */
const stateNow = (device: DeviceSummary) => stateSignal("device", device.id).value ?? device;

function DeviceList() {
  const t = deviceWords.value;
  const { common, pages } = words.value;
  const devices = useAsk<readonly DeviceSummary[]>("/v1/devices", 15_000);
  const [text, setText] = useState("");
  const [state, setState] = useState(route.value.query.get("state") ?? "");
  const [category, setCategory] = useState("");
  const [most, setMost] = useState(atOnce);
  const known = stateCount.value;
  useEffect(() => void devices.reload(), [known]);

  const all = devices.data ?? [];
  const wanted = text.trim().toLocaleLowerCase();
  const shown = all.filter((device) => {
    const now = stateNow(device);
    return (
      (state === "" || now.state === state) &&
      (category === "" || device.category === category) &&
      [device.id, device.title && say(device.title), now.problem, device.connection, device.profile].some(
        (one) => one?.toLocaleLowerCase().includes(wanted),
      )
    );
  });
  const distinct = (of: (device: DeviceSummary) => string) => [...new Set(all.map(of))].sort();
  return (
    <Page title={pages.devices}>
      {devices.error !== undefined && <ErrorBox error={devices.error} retry={devices.reload} />}
      {devices.loading && <Loading text={common.loading} />}
      {devices.data && (
        <Card>
          <div class="filters">
            <Field
              label={common.search}
              type="search"
              value={text}
              input={setText}
              placeholder={t.filterText}
            />
            <Select
              label={t.state}
              value={state}
              choose={setState}
              choices={[
                { value: "", text: common.all },
                ...distinct((device) => stateNow(device).state).map((value) => ({
                  value,
                  text: wordOf(words.value.state, value),
                })),
              ]}
            />
            <Select
              label={t.category}
              value={category}
              choose={setCategory}
              choices={[
                { value: "", text: common.all },
                ...distinct((device) => device.category).map((value) => ({
                  value,
                  text: wordOf(categoryWords.value, value),
                })),
              ]}
            />
          </div>
          <p class="quiet numbers" role="status">
            {t.count(String(shown.length), String(all.length))}
          </p>
          {shown.length === 0 ? (
            <Empty text={all.length === 0 ? t.noDevices : t.noMatch} />
          ) : (
            <Table
              caption={pages.devices}
              rows={shown.slice(0, most)}
              keyOf={({ id }) => id}
              columns={[
                { name: pages.device, head: true, cell: (device) => <DeviceLink device={device} /> },
                { name: t.state, cell: (device) => (isOwn(device) ? "–" : <StateNow device={device} />) },
                { name: t.category, cell: ({ category }) => wordOf(categoryWords.value, category) },
                { name: t.connection, cell: ({ connection }) => connection || "–" },
                {
                  name: t.seen,
                  cell: (device) => (isOwn(device) ? "–" : <Age iso={device.lastSeen} />),
                },
              ]}
            />
          )}
          {shown.length > most && <Button press={() => setMost(most + atOnce)}>{common.more}</Button>}
        </Card>
      )}
    </Page>
  );
}

function DeviceLink({ device }: { device: DeviceSummary }) {
  return (
    <a class="device-link" href={href("devices", device.id)}>
      <span>
        {device.title ? say(device.title) : device.id}
        {device.title && <small class="quiet"> {device.id}</small>}
      </span>
    </a>
  );
}

function StateNow({ device }: { device: DeviceSummary }) {
  const { state, problem } = stateNow(device);
  return (
    <span class="stack tight">
      <span>
        <StateBadge state={state} />
      </span>
      {problem && <small>{problem}</small>}
    </span>
  );
}

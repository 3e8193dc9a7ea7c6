import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { at, post } from "../api.ts";
import { Age } from "../components/age.tsx";
import { StateBadge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Empty, Fact, Facts, Loading } from "../components/card.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Field } from "../components/field.tsx";
import { Frames } from "../components/frames.tsx";
import { LiveValue, QualityAndAge, Sparkline } from "../components/live-value.tsx";
import { Page } from "../components/page.tsx";
import { PointHistory } from "../components/point-history.tsx";
import { useAsk } from "../components/use-ask.ts";
import { useVisible } from "../components/use-visible.ts";
import { formatNumber, formatUnit } from "../format.ts";
import { link, pointSignal, stateSignal } from "../live.ts";
import { tell } from "../messages.ts";
import { language } from "../preferences.ts";
import { href } from "../router.ts";
import { may } from "../session.ts";
import { status } from "../status.ts";
import { say, wordOf, words } from "../text/text.ts";
import type { DeviceDetail, PointDetail } from "../types.ts";
import { deviceWords } from "./devices.words.ts";

/** The gateway itself, with its derived points: nobody asks it over a line. */
export const isOwn = ({ connection }: { readonly connection: string }): boolean => connection === "";

/** One device: what it is, and what it says now. */
export function DevicePage({ id }: { id: string }) {
  const { pages, common } = words.value;
  const device = useAsk<DeviceDetail>(at`/v1/devices/${id}`, 15_000);
  const { data } = device;
  const back = { path: ["devices"], title: pages.devices };
  if (!data)
    return (
      <Page title={id} back={back}>
        {device.error === undefined ? (
          <Loading text={common.loading} />
        ) : (
          <ErrorBox error={device.error} retry={device.reload} />
        )}
      </Page>
    );
  return (
    <Page title={data.title ? say(data.title) : data.id} back={back} actions={<Actions device={data} />}>
      <Problem device={data} />
      <Values device={data} />
      <About device={data} />
      {may("technician") && !isOwn(data) && <FramesCard connection={data.connection} />}
    </Page>
  );
}

function Actions({ device }: { device: DeviceDetail }) {
  const t = deviceWords.value;
  const readNow = async () => {
    const readings = await post<readonly unknown[]>("/v1/read", { device: device.id });
    tell(t.readDone(String(readings.length)));
  };
  return (
    <div class="row">
      {may("technician") && !isOwn(device) && <Button press={readNow}>{t.readNow}</Button>}
      {may("operator") && device.points.some(({ write }) => write) && (
        <a class="button button-primary" href={href("commands", device.id)}>
          {t.command}
        </a>
      )}
    </div>
  );
}

/** Before its values, which are then old. */
function Problem({ device }: { device: DeviceDetail }) {
  const { problem } = stateSignal("device", device.id).value ?? device;
  return problem ? (
    <Notice tone="bad">
      <p>{problem}</p>
    </Notice>
  ) : null;
}

function About({ device }: { device: DeviceDetail }) {
  const t = deviceWords.value;
  const { state } = stateSignal("device", device.id).value ?? device;
  const errors = Object.entries(status.value?.devices.find(({ id }) => id === device.id)?.errors ?? {});
  const { profile } = device;
  return (
    <Card title={t.about}>
      <Facts>
        {isOwn(device) ? (
          <Fact name={t.category}>{say(profile.title)}</Fact>
        ) : (
          <>
            <Fact name={t.state}>
              <StateBadge state={link.value === "lost" ? "unknown" : state} />
            </Fact>
            <Fact name={t.seen}>
              <Age iso={device.lastSeen} />
            </Fact>
            <Fact name={t.model}>
              {profile.manufacturer} {profile.models.join(", ")}
            </Fact>
          </>
        )}
        <Fact name={t.profile}>
          {profile.id} {profile.version}
        </Fact>
        <Fact name={t.profileStatus}>{wordOf(t.statusWords, profile.status)}</Fact>
        {!isOwn(device) && (
          <Fact name={t.connection}>
            <a href={href("connections")}>{device.connection}</a>
          </Fact>
        )}
        <Fact name={t.audience}>{device.audience}</Fact>
        <Fact name={t.errors}>
          {errors.length === 0
            ? t.noErrors
            : errors.map(([code, count]) => `${code} ${formatNumber(count, language.value)}`).join(", ")}
        </Fact>
      </Facts>
    </Card>
  );
}

/** What of a point is read: itself, or its bits. */
function rowsOf(points: readonly PointDetail[]): readonly { name: string; point: PointDetail }[] {
  return points
    .filter(({ readable }) => readable)
    .flatMap((point) => (point.bits ?? [point.name]).map((name) => ({ name, point })));
}

function Values({ device }: { device: DeviceDetail }) {
  const t = deviceWords.value;
  const [text, setText] = useState("");
  const all = rowsOf(device.points);
  const wanted = text.trim().toLocaleLowerCase();
  const shown = all.filter(
    ({ name, point }) =>
      name.toLocaleLowerCase().includes(wanted) ||
      (point.title && say(point.title).toLocaleLowerCase().includes(wanted)),
  );
  return (
    <Card title={t.values}>
      {all.length > 12 && (
        <>
          <Field label={t.filterPoints} type="search" value={text} input={setText} />
          <p class="quiet numbers" role="status">
            {t.points(String(shown.length), String(all.length))}
          </p>
        </>
      )}
      {shown.length === 0 ? (
        <Empty text={words.value.common.none} />
      ) : (
        <ul class="points">
          {shown.map(({ name, point }) => (
            <PointRow key={name} device={device.id} name={name} point={point} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function PointRow({ device, name, point }: { device: string; name: string; point: PointDetail }) {
  const t = deviceWords.value;
  const [row, visible] = useVisible<HTMLLIElement>();
  const [open, setOpen] = useState(false);
  const title = point.title && say(point.title);
  const bit = name === point.name ? undefined : name.slice(point.name.length + 1);
  const { range } = point;
  return (
    <li class="point" ref={row} data-point={name}>
      <div class="point-name">
        {title ?? name}
        {bit && title && `: ${bit}`}
        {title && <small>{name}</small>}
      </div>
      <Live device={device} name={name} point={point} visible={visible}>
        <Button
          kind="quiet"
          press={() => setOpen(!open)}
          label={`${open ? t.hideHistory : t.history}: ${title ?? name}`}
        >
          {open ? t.hideHistory : t.history}
        </Button>
      </Live>
      {open && (
        <div class="point-wide">
          {range && (
            <p class="quiet">
              {t.range(formatNumber(range[0], language.value), formatNumber(range[1], language.value))}{" "}
              {formatUnit(point.unit)}
            </p>
          )}
          <PointHistory device={device} point={name} unit={point.unit} />
        </div>
      )}
    </li>
  );
}

/** What changes with every reading, apart from what does not. What nobody sees stays as it is. */
function Live({
  device,
  name,
  point,
  visible,
  children,
}: {
  device: string;
  name: string;
  point: PointDetail;
  visible: boolean;
  children: ComponentChildren;
}) {
  const signal = pointSignal(device, name);
  const seen = visible ? signal.value : signal.peek();
  return (
    <>
      <LiveValue seen={seen} point={point} />
      <div class="point-sub">
        <QualityAndAge seen={seen} still={!visible} />
        {point.personal && <small class="quiet">{deviceWords.value.personal}</small>}
        {seen?.detail && <small class="quiet">{seen.detail}</small>}
        {visible && <Sparkline device={device} point={name} />}
        {children}
      </div>
    </>
  );
}

function FramesCard({ connection }: { connection: string }) {
  const t = deviceWords.value;
  const [open, setOpen] = useState(false);
  return (
    <Card
      title={t.frames}
      actions={<Button press={() => setOpen(!open)}>{open ? t.hideFrames : t.showFrames}</Button>}
    >
      <p class="quiet">{t.framesWhy}</p>
      {open && <Frames connection={connection} />}
    </Card>
  );
}

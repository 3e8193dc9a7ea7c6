import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { post } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { Field } from "../components/field.tsx";
import { formatAge, formatUnit } from "../format.ts";
import { language } from "../preferences.ts";
import { say, wordOf } from "../text/text.ts";
import type { DeviceCheck, DeviceVerdict, PointVerdict } from "../types.ts";
import { More, Refusal, useAction } from "./parts.tsx";
import { countsOf } from "./steps.ts";
import { details, loadDetail, loadState, state, useRefresh } from "./store.ts";
import { valueText, words } from "./words.ts";

const loads = [loadState];
const shown = 30;

export function CheckStep() {
  useRefresh(loads, 2000);
  if (!state.value) return <Loading text={words().loading} />;
  const { devices } = state.value;
  if (devices.length === 0) return <Empty text={words().check.none}>{null}</Empty>;
  const open = devices.find((device) => openCount(device) > 0)?.device;
  return (
    <>
      {devices.map((device) => (
        <DeviceCard key={device.device} device={device} first={device.device === open} />
      ))}
    </>
  );
}

/** Points that nobody has judged, or that are wrong. */
function openCount(device: DeviceVerdict): number {
  return device.points.filter(({ ok, seen }) => !ok || seen === undefined).length;
}

/** What is wrong first, then what nobody has seen, then the rest; else as the profile has them. */
function rank({ ok, seen }: PointVerdict): number {
  if (!ok || seen === "rejected") return 0;
  return seen === undefined ? 1 : 2;
}

function DeviceCard({ device, first }: { device: DeviceVerdict; first: boolean }) {
  const text = words().check;
  const { troubles } = countsOf(device);
  const unseen = device.points.filter(({ ok, seen }) => ok && seen === undefined);
  const { error, run } = useAction();
  const confirmAll = () =>
    run(async () => {
      for (const { point } of unseen) await tick({ device: device.device, point, result: "confirmed" });
    });
  return (
    <Card
      title={device.title ? say(device.title) : device.device}
      {...(troubles > 0 ? { tone: "bad" as const } : {})}
    >
      <p class="quiet">{[device.device, device.place ?? ""].filter(Boolean).join(" · ")}</p>
      <p class="wz-badges">
        {troubles > 0 && <Badge tone="bad" text={text.problems(troubles)} />}
        {unseen.length > 0 && <Badge tone="warn" text={text.left(unseen.length)} />}
        {troubles === 0 && unseen.length === 0 && <Badge tone="good" text={text.done} />}
      </p>
      <More summary={text.showAll(device.points.length)} open={first}>
        <Points device={device} />
      </More>
      {unseen.length > 0 && (
        <>
          <Button kind="primary" icon="check" press={confirmAll}>
            {text.allRight(unseen.length)}
            <span class="hidden"> {device.device}</span>
          </Button>
          {troubles > 0 && <p class="quiet">{text.allRightHint}</p>}
        </>
      )}
      <Refusal error={error.value} />
    </Card>
  );
}

async function tick(check: DeviceCheck): Promise<void> {
  await post("/v1/commissioning/checks", check);
  await loadState();
}

function Points({ device }: { device: DeviceVerdict }) {
  useEffect(() => void loadDetail(device.device), [device.device]);
  const many = useSignal(false);
  const all = device.points.toSorted((a, b) => rank(a) - rank(b));
  const visible = many.value ? all : all.slice(0, shown);
  return (
    <>
      <ul class="wz-points">
        {visible.map((point) => (
          <PointRow key={point.point} device={device.device} verdict={point} />
        ))}
      </ul>
      {visible.length < all.length && (
        <Button
          press={() => {
            many.value = true;
          }}
        >
          {words().check.showAll(all.length)}
        </Button>
      )}
    </>
  );
}

function PointRow({ device, verdict }: { device: string; verdict: PointVerdict }) {
  const text = words().check;
  const { point, quality, value, unit, ageS, range, ok, seen } = verdict;
  const noting = useSignal(false);
  const note = useSignal("");
  const { error, run } = useAction();
  const title = verdict.title ? say(verdict.title) : titleOf(device, point);
  const detail = details.value.get(device)?.points.find(({ name }) => name === point);
  const judge = (result: DeviceCheck["result"]) =>
    run(async () => {
      const said = note.value.trim();
      await tick({ device, point, result, ...(said ? { note: said } : {}) });
      noting.value = false;
    });
  const good = quality === "good";
  return (
    <li class={`wz-point${ok ? "" : " wz-wrong"}`}>
      <div class="wz-point-head">
        <span>{title}</span>
        <strong class="numbers">{valueText(value, unit, detail)}</strong>
      </div>
      <p class="wz-point-facts quiet">
        {[
          range
            ? text.range(valueText(range[0]), valueText(range[1]), formatUnit(unit) && ` ${formatUnit(unit)}`)
            : "",
          ageS === undefined ? "" : text.age(formatAge(Math.max(1, ageS) * 1000, language.value)),
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {(!good || !ok) && (
        <Badge tone={good ? "warn" : "bad"} text={wordOf(text.qualities, good ? "out-of-range" : quality)} />
      )}
      {seen && !noting.value ? (
        <div class="wz-judged">
          <Badge
            tone={seen === "confirmed" ? "good" : "bad"}
            text={seen === "confirmed" ? text.seenRight : text.seenWrong}
          />
          <Button kind="quiet" press={() => judgeAgain(seen)}>
            {text.undo}
            <span class="hidden"> {title}</span>
          </Button>
        </div>
      ) : noting.value ? (
        <div class="wz-form">
          <Field
            label={text.note}
            hint={text.notePlaceholder}
            value={note.value}
            input={(typed) => {
              note.value = typed;
            }}
          />
          <div class="wz-buttons">
            <Button
              press={() => {
                noting.value = false;
              }}
            >
              {words().cancel}
            </Button>
            <Button kind="danger" press={() => judge("rejected")}>
              {text.saveWrong}
            </Button>
          </div>
        </div>
      ) : (
        <div class="wz-buttons">
          <Button icon="check" press={() => judge("confirmed")}>
            {text.right}
            <span class="hidden"> {title}</span>
          </Button>
          <Button
            icon="cross"
            press={() => {
              noting.value = true;
            }}
          >
            {text.wrong}
            <span class="hidden"> {title}</span>
          </Button>
        </div>
      )}
      <Refusal error={error.value} />
    </li>
  );

  /** What was judged is judged the other way. */
  function judgeAgain(before: DeviceCheck["result"]): Promise<unknown> | undefined {
    if (before === "rejected") return judge("confirmed");
    noting.value = true;
    return undefined;
  }
}

/** What people call a point; of a bit, its point's title and its own name. */
export function titleOf(device: string, point: string): string {
  const [name = point, bit] = point.split("/");
  const known = details.value.get(device)?.points.find((one) => one.name === name)?.title;
  const title = known ? say(known) : name;
  return bit ? `${title}: ${bit}` : title;
}

import type { ListedDevice, ListedPoint } from "../gateway/routes.ts";
import { valueText } from "../status.ts";
import { listDevices } from "./lists.ts";
import { inLanguage, type Words } from "./red.ts";

// Device and point of a node, picked from what the gateway has now, or typed (with `*` where that is wanted).

export interface PickOptions {
  readonly words: Words;
  /** Of a configuration node, where it is not the field `gateway`. */
  readonly gateway?: string;
  /** Which points are offered; all of them unless given. */
  readonly offers?: (point: ListedPoint) => boolean;
  /** Told when the point is another one, and when it becomes known what it is. */
  readonly chosen?: (point: ListedPoint | undefined) => void;
}

interface Choice {
  readonly value: string;
  readonly title: string | undefined;
  readonly now: string;
}

/** Makes `#node-input-device` and `#node-input-point` offer what `#node-input-gateway` has. `#stadsnod-hint` says why not. */
export function pickPoint({ words, gateway, offers = () => true, chosen }: PickOptions): void {
  const field = $(gateway ?? "#node-input-gateway");
  const device = $("#node-input-device");
  const point = $("#node-input-point");
  const hint = $("#stadsnod-hint");
  let devices: readonly ListedDevice[] = [];
  const offered = ({ points }: ListedDevice) => points.filter(offers);
  const tell = () => {
    const wanted = String(point.val());
    chosen?.(devices.find(({ id }) => id === device.val())?.points.find(({ name }) => name === wanted));
  };
  const load = async () => {
    const id = String(field.val() ?? "");
    devices = [];
    if (id === "" || id === "_ADD_") return hint.text("");
    hint.text(words("common.loading"));
    try {
      devices = (await listDevices(id)).filter((one) => offered(one).length > 0);
      hint.text("");
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      hint.text(words("common.no-list", { message }));
    }
    tell();
  };
  offer(device, () =>
    devices.map(({ id, title, state }) => ({ value: id, title: inLanguage(title), now: state })),
  );
  offer(point, () =>
    devices
      .filter(({ id }) => device.val() === id || !devices.some((one) => one.id === device.val()))
      .flatMap(offered)
      .filter(({ name }, index, all) => all.findIndex((one) => one.name === name) === index)
      .map((one) => ({ value: one.name, title: inLanguage(one.title), now: presentValue(one) })),
  );
  field.on("change", () => void load());
  device.on("change", tell);
  point.on("change", tell);
  void load();
}

/** A list that opens at a click and narrows while one types. */
function offer(input: JQuery, choices: () => readonly Choice[]): void {
  const search = (typed: string) => {
    const all = choices();
    const isChoice = all.some(({ value }) => value === typed);
    const wanted = isChoice ? "" : typed.toLowerCase();
    return all
      .filter(({ value, title = "" }) => `${value} ${title}`.toLowerCase().includes(wanted))
      .map((choice) => ({ value: choice.value, label: lineOf(choice) }));
  };
  const widget: unknown = Reflect.get(input, "autoComplete");
  if (typeof widget === "function") widget.call(input, { minLength: 0, search });
  input.on("click", () => input.trigger("keyup"));
}

function lineOf({ value, title, now }: Choice): JQuery {
  const line = $("<div>").css({ display: "flex", gap: "12px", alignItems: "baseline" });
  $("<span>").text(value).css({ fontFamily: "var(--red-ui-monospace-font)" }).appendTo(line);
  $("<span>")
    .text(title ?? "")
    .css({ flex: 1, opacity: 0.7 })
    .appendTo(line);
  $("<span>").text(now).css({ opacity: 0.7 }).appendTo(line);
  return line;
}

/** Value and unit, or the unit alone. */
function presentValue({ latest, unit }: ListedPoint): string {
  if (latest?.quality === "good" && latest.value !== undefined) return valueText(latest.value, unit);
  return unit ?? "";
}

import type { ListedDevice, ListedPoint } from "../gateway/routes.ts";
import { valueText } from "../status.ts";
import { listDevices } from "./lists.ts";
import { inLanguage, red, type Words } from "./red.ts";

// Device and point of a node, picked from what the gateway has now, or typed (with `*` where that is wanted).

export interface PickOptions {
  readonly words: Words;
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

/** Makes `#node-input-device` offer the gateway's devices, while `offered` says so. */
export function pickDevice({ words, offered }: { words: Words; offered: () => boolean }): void {
  const devices = listOf($("#node-input-gateway"), words, () => {});
  offer($("#node-input-device"), () => (offered() ? devices().map((one) => deviceChoice(one, words)) : []));
}

/** Makes `#node-input-profile` offer the profiles of the gateway's devices, while `offered` says so. Others can be typed. */
export function pickProfile({ words, offered }: { words: Words; offered: () => boolean }): void {
  const devices = listOf($("#node-input-gateway"), words, () => {});
  const choices = (): Choice[] => {
    const byProfile = new Map<string, string[]>();
    for (const { id, profile } of devices())
      byProfile.set(profile.id, [...(byProfile.get(profile.id) ?? []), id]);
    return Array.from(byProfile, ([value, ids]) => ({ value, title: ids.slice(0, 3).join(", "), now: "" }));
  };
  offer($("#node-input-profile"), () => (offered() ? choices() : []));
}

/** Makes `#node-input-point` offer the gateway's derived points, with their present values. */
export function pickDerivedPoint(words: Words): void {
  const devices = listOf($("#node-input-gateway"), words, () => {});
  offer($("#node-input-point"), () =>
    devices()
      .filter(({ category }) => category === "gateway")
      .flatMap(({ points }) => points)
      .map((one) => ({ value: one.name, title: inLanguage(one.title, words), now: presentValue(one) })),
  );
}

/** Makes inputs offer `device/point` of every gateway of the flows, for nodes that have no gateway of their own. */
export function topicOffers(words: Words): (input: JQuery) => void {
  const found: Choice[] = [];
  red.nodes.eachConfig((config) => {
    if (Reflect.get(config, "type") === "stadsnod-gateway")
      listDevices(String(Reflect.get(config, "id"))).then(
        (devices) => {
          found.push(...devices.flatMap((device) => topicsOf(device, words)));
          // Who has typed already sees the list now.
          $(document.activeElement ?? document.body).trigger("keyup");
        },
        // Without a list a topic is typed.
        () => {},
      );
    return true;
  });
  return (input) => offer(input, () => found);
}

function topicsOf({ id, points }: ListedDevice, words: Words): Choice[] {
  return points
    .filter(({ readable }) => readable)
    .map((one) => ({
      value: `${id}/${one.name}`,
      title: inLanguage(one.title, words),
      now: presentValue(one),
    }));
}

/** Makes `#node-input-device` and `#node-input-point` offer what `#node-input-gateway` has. `#stadsnod-hint` says why not. */
export function pickPoint({ words, offers = () => true, chosen }: PickOptions): void {
  const device = $("#node-input-device");
  const point = $("#node-input-point");
  const offered = ({ points }: ListedDevice) => points.filter(offers);
  const tell = () => {
    const wanted = String(point.val());
    chosen?.(
      devices()
        .find(({ id }) => id === device.val())
        ?.points.find(({ name }) => name === wanted),
    );
  };
  const listed = listOf($("#node-input-gateway"), words, tell);
  const devices = () => listed().filter((one) => offered(one).length > 0);
  offer(device, () => devices().map((one) => deviceChoice(one, words)));
  offer(point, () =>
    devices()
      .filter(({ id }, _index, all) => device.val() === id || !all.some((one) => one.id === device.val()))
      .flatMap(offered)
      .filter(({ name }, index, all) => all.findIndex((one) => one.name === name) === index)
      .map((one) => ({ value: one.name, title: inLanguage(one.title, words), now: presentValue(one) })),
  );
  device.on("change", tell);
  point.on("change", tell);
}

/** The devices of the gateway that a field has chosen, kept up to date; `#stadsnod-hint` says why there are none. */
function listOf(field: JQuery, words: Words, loaded: () => void): () => readonly ListedDevice[] {
  const hint = $("#stadsnod-hint");
  chooseFirst(field);
  let devices: readonly ListedDevice[] = [];
  const load = async () => {
    const id = String(field.val() ?? "");
    devices = [];
    if (id === "" || id === "_ADD_") return void hint.text("");
    hint.text(words("common.loading"));
    try {
      devices = await listDevices(id);
      hint.text("");
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      hint.text(words("common.no-list", { message }));
    }
    loaded();
    // Who has clicked already sees the list now.
    $("#node-input-device, #node-input-point, #node-input-profile").filter(":focus").trigger("keyup");
  };
  field.on("change", () => void load());
  void load();
  return () => devices;
}

/** A new node takes the gateway that is there. */
function chooseFirst(field: JQuery): void {
  const given = (value: unknown): boolean => typeof value === "string" && value !== "" && value !== "_ADD_";
  if (given(field.val())) return;
  const first = field
    .find("option")
    .toArray()
    .map((option) => $(option).val())
    .find(given);
  if (typeof first === "string") field.val(first).trigger("change");
}

function deviceChoice({ id, title, state }: ListedDevice, words: Words): Choice {
  return { value: id, title: inLanguage(title, words), now: words(`availability.${state}`) };
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

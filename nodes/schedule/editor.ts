import { parseAt } from "../../gateway/commands/schedules/at.ts";
import { isNumber, logicColor } from "../editor/logic.ts";
import { red, type Words } from "../editor/red.ts";
import type { WrittenRow } from "./settings.ts";

const week = [1, 2, 3, 4, 5, 6, 0] as const;
const degrees = (most: number) => (text: string) =>
  text === "" || (isNumber(text, -most) && Number(text) <= most);

interface ScheduleFields {
  name: string;
  rows: WrittenRow[];
  atDeploy: boolean;
  topic: string;
  gateway: string;
  timeZone: string;
  lat: string;
  lon: string;
  sweden: boolean;
  eves: boolean;
  extra: string;
}

red.nodes.registerType<ScheduleFields>("stadsnod-schedule", {
  category: "stadsnod",
  color: logicColor,
  icon: "stadsnod-schedule.svg",
  defaults: {
    name: { value: "" },
    rows: {
      value: [],
      validate: (rows: unknown) =>
        Array.isArray(rows) &&
        rows.length > 0 &&
        rows.every(({ at, days }) => days.length > 0 && problemOf(at) === undefined),
    },
    atDeploy: { value: true },
    topic: { value: "" },
    gateway: { value: "", type: "stadsnod-gateway", required: false },
    timeZone: { value: "" },
    lat: { value: "", validate: degrees(90) },
    lon: { value: "", validate: degrees(180) },
    sweden: { value: true },
    eves: { value: false },
    extra: { value: "", validate: (text: string) => /^(\d{4}-\d{2}-\d{2}[\s,;]*)*$/.test(text) },
  },
  inputs: 1,
  outputs: 1,
  paletteLabel() {
    return this._("label.palette");
  },
  label() {
    return (
      this.name ||
      this.rows
        .map(({ at }: WrittenRow) => at)
        .join(", ")
        .slice(0, 30) ||
      this._("label.palette")
    );
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  oneditprepare() {
    const words: Words = (key, values) => this._(key, values);
    const check = () => {
      const problems = writtenRows().flatMap(({ at }) => (at === "" ? [] : (problemOf(at) ?? [])));
      $("#stadsnod-problem").text(problems[0] ?? "");
    };
    $("#stadsnod-rows")
      .css({ minHeight: "290px" })
      .editableList({
        removable: true,
        sortable: true,
        addItem: (row, _index, written) => addRow(row, written as Partial<WrittenRow>, words, check),
        removeItem: check,
      });
    for (const row of this.rows) $("#stadsnod-rows").editableList("addItem", row);
    check();
  },
  oneditsave() {
    this.rows = writtenRows();
  },
});

function problemOf(at: string): string | undefined {
  try {
    parseAt(at);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function addRow(row: JQuery, written: Partial<WrittenRow>, words: Words, changed: () => void): void {
  const first = $("<div>").css({ display: "flex", gap: "6px", marginBottom: "4px" }).appendTo(row);
  const placeholder = words("placeholder.at");
  $("<input>", { type: "text", class: "stadsnod-at", placeholder })
    .css({ flex: "1 1 0", minWidth: 0 })
    .val(written.at ?? "")
    .on("input", changed)
    .appendTo(first);
  const holidays = $("<select>", { class: "stadsnod-holidays" })
    .css({ flex: "1 1 0", minWidth: 0 })
    .appendTo(first);
  for (const choice of ["same", "never", "only"])
    $("<option>", { value: choice })
      .text(words(`holidays.${choice}`))
      .appendTo(holidays);
  holidays.val(written.holidays ?? "same");
  const days = $("<div>").css({ display: "flex", gap: "8px", marginBottom: "4px" }).appendTo(row);
  for (const day of week) {
    const label = $("<label>").css({ width: "auto", margin: 0 }).appendTo(days);
    const isOn = written.days?.includes(day) ?? true;
    $("<input>", { type: "checkbox", class: "stadsnod-day", "data-day": day })
      .css({ width: "auto", margin: "0 3px 0 0" })
      .prop("checked", isOn)
      .appendTo(label);
    $("<span>")
      .text(words(`days.${day}`))
      .appendTo(label);
  }
  const value = $("<input>", { type: "text", class: "stadsnod-value" }).css({ width: "100%" }).appendTo(row);
  value.typedInput({ types: ["num", "bool", "str"] });
  value.typedInput("type", written.valueType ?? "num");
  value.typedInput("value", String(written.value ?? ""));
}

function writtenRows(): WrittenRow[] {
  const rows = $("#stadsnod-rows").editableList("items");
  return rows.toArray().map((row) => {
    const value = $(row).find("input.stadsnod-value");
    const days = $(row).find(".stadsnod-day:checked").toArray();
    return {
      at: String($(row).find(".stadsnod-at").val() ?? "").trim(),
      days: days.map((one) => Number($(one).attr("data-day"))).sort(),
      holidays: String($(row).find(".stadsnod-holidays").val()),
      value: value.typedInput("value"),
      valueType: value.typedInput("type"),
    };
  });
}

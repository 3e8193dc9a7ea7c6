import { pickPoint } from "../editor/pick.ts";
import { inLanguage, red, type Words } from "../editor/red.ts";
import type { ListedPoint } from "../gateway/routes.ts";

red.nodes.registerType("stadsnod-command", {
  category: "stadsnod",
  color: "#F2B872",
  icon: "stadsnod-command.svg",
  align: "right",
  defaults: {
    name: { value: "" },
    gateway: { value: "", type: "stadsnod-gateway", required: true },
    device: { value: "" },
    point: { value: "" },
    value: { value: "" },
    valueType: { value: "msg" },
    priority: { value: "" },
    expiresS: { value: 30, validate: (text: string) => Number(text) > 0 && Number(text) <= 86_400 },
    reason: { value: "" },
    confirm: { value: "message" },
    inFlight: { value: 10, validate: (text: string) => Number(text) >= 1 && Number(text) <= 100 },
  },
  inputs: 1,
  outputs: 2,
  paletteLabel() {
    return this._("label.palette");
  },
  label() {
    return this.name || (this.device ? `${this.device}/${this.point}` : this._("label.palette"));
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  outputLabels(index: number) {
    return this._(index === 0 ? "output.succeeded" : "output.failed");
  },
  oneditprepare() {
    const words: Words = (key, values) => this._(key, values);
    const value = $("#node-input-value");
    const typed: unknown = Reflect.get(value, "typedInput");
    const input = (...args: unknown[]): unknown =>
      typeof typed === "function" ? typed.apply(value, args) : "";
    input({ default: "msg", typeField: "#node-input-valueType", types: typesFor(undefined, words) });
    pickPoint({
      words,
      offers: ({ write }) => write !== undefined,
      chosen(point) {
        const type = input("type");
        const kept = input("value");
        const types = typesFor(point, words);
        input("types", types);
        if (types.some((one) => one.value === type)) {
          input("type", type);
          input("value", kept);
        }
        $("#stadsnod-rule").text(point ? ruleOf(point, words) : "");
        $(".stadsnod-confirm").toggle(!point || point.write?.confirm === "two-step");
      },
    });
  },
});

interface ValueType {
  value: string;
  label: string;
  icon?: string;
  hasValue?: boolean;
  options?: { value: string; label: string }[];
  validate?: (text: string) => boolean;
}

/** What may be chosen as the value, by what the profile says of the point. */
function typesFor(point: ListedPoint | undefined, words: Words): ValueType[] {
  const payload = { value: "msg", label: words("type.payload"), hasValue: false };
  const text = { value: "str", label: words("type.text"), icon: "red/images/typedInput/az.svg" };
  const yes = [
    { value: "true", label: words("type.on") },
    { value: "false", label: words("type.off") },
  ];
  const either = {
    value: "bool",
    label: words("type.switch"),
    icon: "red/images/typedInput/bool.svg",
    options: yes,
  };
  if (!point?.write) return [payload, numberType(undefined, words), text, either];
  const { write, labels: shown, kind } = point;
  const labels = write.labels ?? shown;
  if (labels)
    return [
      payload,
      {
        ...text,
        label: words("type.state"),
        options: labels.map((label) => ({ value: label.en, label: inLanguage(label, words) ?? label.en })),
      },
    ];
  if (write.allowed)
    return [
      payload,
      {
        ...numberType(point, words),
        options: write.allowed.map((one) => ({ value: String(one), label: String(one) })),
      },
    ];
  if (kind === "text") return [payload, text];
  return isSwitch(point) ? [payload, either] : [payload, numberType(point, words)];
}

/** Yes or no: its present value says so, or it is a state that has neither unit nor range. */
function isSwitch({ latest, kind, unit, range, write }: ListedPoint): boolean {
  if (latest?.value !== undefined) return typeof latest.value === "boolean";
  return kind === "state" && unit === undefined && range === undefined && write?.range === undefined;
}

function numberType(point: ListedPoint | undefined, words: Words): ValueType {
  const [low, high] = rangeOf(point) ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return {
    value: "num",
    label: point?.unit ? `${words("type.number")} (${point.unit})` : words("type.number"),
    icon: "red/images/typedInput/09.svg",
    validate: (text) => text.trim() !== "" && Number(text) >= low && Number(text) <= high,
  };
}

function rangeOf(point: ListedPoint | undefined): readonly [number, number] | undefined {
  return point?.write?.range ?? point?.range;
}

/** What the profile allows, in words. */
function ruleOf(point: ListedPoint, words: Words): string {
  const { unit = "", write } = point;
  const range = rangeOf(point);
  return [
    ...(range ? [words("rule.range", { low: range[0], high: range[1], unit })] : []),
    ...(write?.step ? [words("rule.step", { step: write.step, unit })] : []),
    ...(write?.confirm === "two-step" ? [words("rule.two-step")] : []),
  ].join(" · ");
}

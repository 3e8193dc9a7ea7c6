import { countOutputs, isNumber, isOptionalDuration, logicColor, showWhile } from "../editor/logic.ts";
import { red } from "../editor/red.ts";

red.nodes.registerType("stadsnod-threshold", {
  category: "stadsnod",
  color: logicColor,
  icon: "stadsnod-threshold.svg",
  defaults: {
    name: { value: "" },
    rule: { value: "above" },
    limit: { value: "", required: true, validate: (text: string) => isNumber(text) },
    high: {
      value: "",
      validate(text: string) {
        return (
          this.rule === "above" ||
          this.rule === "below" ||
          (isNumber(text) && Number(text) > Number(this.limit))
        );
      },
    },
    hysteresis: { value: "0", validate: (text: string) => text === "" || isNumber(text, 0) },
    debounce: { value: "", validate: isOptionalDuration },
    minOn: { value: "", validate: isOptionalDuration },
    minOff: { value: "", validate: isOptionalDuration },
    maxAge: { value: "", validate: isOptionalDuration },
    bad: { value: "freeze" },
    onPayload: { value: "true" },
    onPayloadType: { value: "bool" },
    offPayload: { value: "false" },
    offPayloadType: { value: "bool" },
    outputs: { value: 1 },
  },
  inputs: 1,
  outputs: 1,
  paletteLabel() {
    return this._("label.palette");
  },
  label() {
    if (this.name) return this.name;
    const signs: Record<string, string> = { above: ">", below: "<" };
    const sign = signs[this.rule];
    if (sign && this.limit !== "") return `${sign} ${this.limit}`;
    return this._("label.palette");
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  outputLabels(index: number) {
    return this._(index === 0 ? "output.state" : "output.bad");
  },
  oneditprepare() {
    showWhile("rule", ".stadsnod-high", ["inside", "outside"]);
    for (const field of ["onPayload", "offPayload"])
      $(`#node-input-${field}`).typedInput({
        types: ["bool", "num", "str"],
        typeField: `#node-input-${field}Type`,
      });
  },
  oneditsave() {
    countOutputs("bad", "second");
  },
});

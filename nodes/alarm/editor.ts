import { isNumber, isOptionalDuration, logicColor, showWhile } from "../editor/logic.ts";
import { red } from "../editor/red.ts";

interface AlarmFields {
  name: string;
  rule: string;
  limit: string;
  high: string;
  hysteresis: string;
  onDelay: string;
  offDelay: string;
  severity: string;
  latching: boolean;
  bad: string;
  topic: string;
}

red.nodes.registerType<AlarmFields>("stadsnod-alarm", {
  category: "stadsnod",
  color: logicColor,
  icon: "stadsnod-alarm.svg",
  defaults: {
    name: { value: "", required: true },
    rule: { value: "boolean" },
    limit: {
      value: "",
      validate(text: string) {
        return this.rule === "boolean" || isNumber(text);
      },
    },
    high: {
      value: "",
      validate(text: string) {
        const isWindow = this.rule === "inside" || this.rule === "outside";
        return !isWindow || (isNumber(text) && Number(text) > Number(this.limit));
      },
    },
    hysteresis: { value: "0", validate: (text: string) => text === "" || isNumber(text, 0) },
    onDelay: { value: "", validate: isOptionalDuration },
    offDelay: { value: "", validate: isOptionalDuration },
    severity: { value: "medium" },
    latching: { value: true },
    bad: { value: "keep" },
    topic: { value: "" },
  },
  inputs: 1,
  outputs: 1,
  paletteLabel() {
    return this._("label.palette");
  },
  label() {
    return this.name || this._("label.palette");
  },
  oneditprepare() {
    showWhile("rule", ".stadsnod-limit", ["above", "below", "inside", "outside"]);
    showWhile("rule", ".stadsnod-high", ["inside", "outside"]);
  },
});

import {
  countOutputs,
  isDurationWritten,
  isNumber,
  isOptionalDuration,
  isOptionalNumber,
  logicColor,
  showWhile,
} from "../editor/logic.ts";
import { red } from "../editor/red.ts";

interface AggregateFields {
  name: string;
  function: string;
  percent: string;
  per: string;
  rollover: string;
  window: string;
  length: string;
  aligned: boolean;
  timeZone: string;
  every: string;
  bridge: string;
  leastShare: string;
  quality: string;
  outputs: number;
}

red.nodes.registerType<AggregateFields>("stadsnod-aggregate", {
  category: "stadsnod",
  color: logicColor,
  icon: "stadsnod-aggregate.svg",
  defaults: {
    name: { value: "" },
    function: { value: "mean" },
    percent: {
      value: "95",
      validate(text: string) {
        return this.function !== "percentile" || (isNumber(text, 0) && Number(text) <= 100);
      },
    },
    per: { value: "h" },
    rollover: { value: "", validate: isOptionalNumber },
    window: { value: "tumbling" },
    length: { value: "15m", required: true, validate: isDurationWritten },
    aligned: { value: true },
    timeZone: { value: "" },
    every: { value: "", validate: isOptionalDuration },
    bridge: { value: "10m", validate: isOptionalDuration },
    leastShare: { value: "50", validate: isOptionalNumber },
    quality: { value: "all" },
    outputs: { value: 1 },
  },
  inputs: 1,
  outputs: 1,
  paletteLabel() {
    return this._("label.palette");
  },
  label() {
    return this.name || `${this._(`function.${this.function}`)} ${this.length}`;
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  outputLabels(index: number) {
    return this._(index === 0 ? "output.value" : "output.bad");
  },
  oneditprepare() {
    showWhile("function", ".stadsnod-percent", ["percentile"]);
    showWhile("function", ".stadsnod-rate", ["rate"]);
    showWhile("function", ".stadsnod-counter", ["rate", "increase"]);
    showWhile("window", ".stadsnod-tumbling, .stadsnod-zone", ["tumbling"]);
    showWhile("window", ".stadsnod-sliding", ["sliding"]);
  },
  oneditsave() {
    countOutputs("quality", "route");
  },
});

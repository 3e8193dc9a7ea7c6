import { logicColor, showWhile } from "../editor/logic.ts";
import { red } from "../editor/red.ts";

red.nodes.registerType("stadsnod-senml", {
  category: "stadsnod",
  color: logicColor,
  icon: "stadsnod-senml.svg",
  defaults: { name: { value: "" }, direction: { value: "decode" }, base: { value: "" } },
  inputs: 1,
  outputs: 1,
  paletteLabel() {
    return this._("label.palette");
  },
  label() {
    return this.name || this._(`direction.${this.direction}`);
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  oneditprepare() {
    showWhile("direction", ".stadsnod-encode", ["encode"]);
  },
});

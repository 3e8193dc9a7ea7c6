import { pickDerivedPoint } from "../editor/pick.ts";
import { red } from "../editor/red.ts";

red.nodes.registerType("stadsnod-publish", {
  category: "stadsnod",
  color: "#F2C29B",
  icon: "stadsnod-publish.svg",
  defaults: {
    name: { value: "" },
    gateway: { value: "", type: "stadsnod-gateway", required: true },
    point: { value: "", required: true },
  },
  inputs: 1,
  outputs: 0,
  align: "right",
  paletteLabel() {
    return this._("label.palette");
  },
  label() {
    return this.name || this.point || this._("label.palette");
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  oneditprepare() {
    pickDerivedPoint((key, values) => this._(key, values));
  },
});

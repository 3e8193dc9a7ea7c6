import { pickDevice } from "../editor/pick.ts";
import { red } from "../editor/red.ts";

red.nodes.registerType("stadsnod-device-status", {
  category: "stadsnod",
  color: "#9FD6C2",
  icon: "stadsnod-device-status.svg",
  defaults: {
    name: { value: "" },
    gateway: { value: "", type: "stadsnod-gateway", required: true },
    kind: { value: "device" },
    device: { value: "" },
    initial: { value: true },
  },
  inputs: 0,
  outputs: 1,
  paletteLabel() {
    return this._("label.palette");
  },
  label() {
    return this.name || this.device || this._("label.palette");
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  oneditprepare() {
    pickDevice({
      words: (key, values) => this._(key, values),
      offered: () =>
        $("#node-input-kind").val() !== "connection" && $("#node-input-kind").val() !== "northbound",
    });
  },
});

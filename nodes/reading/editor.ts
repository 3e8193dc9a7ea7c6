import { pickPoint } from "../editor/pick.ts";
import { red } from "../editor/red.ts";

red.nodes.registerType("stadsnod-reading", {
  category: "stadsnod",
  color: "#9FD6C2",
  icon: "stadsnod-reading.svg",
  defaults: {
    name: { value: "" },
    gateway: { value: "", type: "stadsnod-gateway", required: true },
    device: { value: "", required: true },
    point: { value: "", required: true },
    emit: { value: "change" },
    everyS: { value: 60, validate: (text: string) => Number(text) >= 1 },
    quality: { value: "good" },
    audience: { value: "" },
    initial: { value: true },
    outputs: { value: 1 },
  },
  inputs: 0,
  outputs: 1,
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
    return this._(index === 0 ? "output.readings" : "output.bad");
  },
  oneditprepare() {
    pickPoint({ words: (key, values) => this._(key, values) });
    const emit = $("#node-input-emit");
    const show = () => $(".stadsnod-every").toggle(emit.val() === "every");
    emit.on("change", show);
    show();
  },
  oneditsave() {
    $("#node-input-outputs").val($("#node-input-quality").val() === "route" ? 2 : 1);
  },
});

import { logicColor, showWhile } from "../editor/logic.ts";
import { pickProfile } from "../editor/pick.ts";
import { red } from "../editor/red.ts";

const ofPayloads = ["decode-payload", "encode-payload"];

/** A number from 0 to 255, or nothing. */
function isPort(text: unknown): boolean {
  const written = String(text ?? "").trim();
  return written === "" || (/^\d{1,3}$/.test(written) && Number(written) <= 255);
}

red.nodes.registerType("stadsnod-senml", {
  category: "stadsnod",
  color: logicColor,
  icon: "stadsnod-senml.svg",
  defaults: {
    name: { value: "" },
    direction: { value: "decode" },
    base: { value: "" },
    gateway: { value: "", type: "stadsnod-gateway", required: false },
    profile: { value: "" },
    point: { value: "" },
    fPort: { value: "", validate: isPort },
    coding: { value: "hex" },
  },
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
    showWhile("direction", ".stadsnod-payload", ofPayloads);
    showWhile("direction", ".stadsnod-decode-payload", ["decode-payload"]);
    showWhile("direction", ".stadsnod-encode-payload", ["encode-payload"]);
    pickProfile({
      words: (key, values) => this._(key, values),
      offered: () => ofPayloads.includes(String($("#node-input-direction").val())),
    });
  },
});

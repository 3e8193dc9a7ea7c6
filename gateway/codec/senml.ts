/** SenML in CBOR (RFC 8428): the one door to the pack codec. */
export { type DecodeOptions, decodePack } from "./senml-decode.ts";
export { encodePack } from "./senml-encode.ts";
export type {
  DecodedPack,
  GapRecord,
  Pack,
  PackHeader,
  ResolvedRecord,
  Series,
} from "./senml-pack.ts";
export { mergePacks, setBaseTime } from "./senml-rebuild.ts";
